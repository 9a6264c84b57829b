#include "cli/preflight/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"
#include "cli/preflight/checks.hpp"
#include "json/json.hpp"

namespace cli::preflight {
namespace {

using ::testing::HasSubstr;

Report report() {
    Report made;
    made.took_ms = 1500;
    made.findings = {
        {"PostgreSQL", "version", ok("17.2")},
        {"PostgreSQL", "fsync", failed("off", "turn it on")},
        {"Redis", "memory", warning("80 %\nof \"it\"", "raise it")},
    };
    return made;
}

TEST(PreflightReport, the_worst_finding_is_the_verdict) {
    Report made = report();
    EXPECT_EQ(made.verdict(), Verdict::failed);
    EXPECT_EQ(made.count(Verdict::failed), 1U);
    made.findings.erase(made.findings.begin() + 1);
    EXPECT_EQ(made.verdict(), Verdict::warning);
    made.findings.pop_back();
    EXPECT_EQ(made.verdict(), Verdict::ok);
}

TEST(PreflightReport, a_table_and_what_to_do) {
    const std::string text = to_table(report());
    EXPECT_THAT(text, HasSubstr("            fsync    FAILED   off\n"));
    EXPECT_THAT(text, HasSubstr("FAILED: PostgreSQL: fsync\n   off\n   -> turn it on\n"));
    EXPECT_THAT(text, HasSubstr("80 % of \"it\""));
    EXPECT_THAT(text, HasSubstr("3 checks in 1.5 s: 1 failed, 1 warnings\n"));
}

TEST(PreflightReport, json) {
    const auto value = json::parse(to_json(report()));
    ASSERT_TRUE(value.has_value());
    const auto& object = value->as_object();
    EXPECT_EQ(object.at("verdict").as_string(), "FAILED");
    EXPECT_EQ(object.at("took_ms").as_int64(), 1500);
    const auto& checks = object.at("checks").as_array();
    ASSERT_EQ(checks.size(), 3U);
    EXPECT_EQ(checks[1].as_object().at("check").as_string(), "fsync");
    EXPECT_EQ(checks[1].as_object().at("fix").as_string(), "turn it on");
}

net::awaitable<Judgement> fine() {
    co_return ok("fine");
}
net::awaitable<Judgement> poor() {
    co_return failed("poor", "mend it");
}
net::awaitable<Judgement> broken() {
    throw std::runtime_error("gone");
    co_return ok("never");
}

net::awaitable<void> run_three(Checks& checks, std::vector<bool>& good) {
    checks.set_area("Somewhere");
    const bool first = co_await checks.run("first", broken(), "repair it");
    const bool second = co_await checks.run("second", fine(), "repair it");
    const bool third = co_await checks.run("third", poor(), "repair it");
    good = {first, second, third};
}

TEST(PreflightChecks, go_on_after_one_that_failed) {
    net::asio::io_context loop{1};
    std::vector<std::string> progress;
    std::vector<bool> good;
    Checks checks(net::deadline_in(std::chrono::seconds(10)), [&](std::string_view check) {
        progress.emplace_back(check);
    });
    run(loop, run_three(checks, good));
    EXPECT_EQ(good, (std::vector<bool>{false, true, false}));
    ASSERT_EQ(checks.findings().size(), 3U);
    EXPECT_EQ(checks.findings()[0].judgement.found, "gone");
    EXPECT_EQ(checks.findings()[0].judgement.fix, "repair it");
    EXPECT_EQ(checks.findings()[1].judgement.verdict, Verdict::ok);
    EXPECT_EQ(checks.findings()[2].judgement.fix, "mend it");
    EXPECT_EQ(progress.front(), "Somewhere: first");
}

TEST(PreflightChecks, what_is_not_looked_at_has_failed) {
    net::asio::io_context loop{1};
    std::vector<bool> good;
    Checks checks(net::SteadyClock::now(), [](std::string_view) {});
    run(loop, run_three(checks, good));
    EXPECT_EQ(good, (std::vector<bool>{false, false, false}));
    EXPECT_THAT(checks.findings()[1].judgement.found, HasSubstr("not looked at"));
}

net::awaitable<Judgement> fails_late(Checks& checks) {
    checks.stop("interrupted");
    co_return failed("no answer", "start it");
}

net::awaitable<void> run_past_the_end(Checks& checks) {
    co_await checks.run("slow", fails_late(checks), "repair it");
    co_await checks.run("next", fine(), "repair it");
    co_await checks.run_in_any_case("cleaned up", fine(), "repair it");
}

TEST(PreflightChecks, say_that_the_time_was_over_and_clean_up_all_the_same) {
    net::asio::io_context loop{1};
    Checks checks(net::deadline_in(std::chrono::seconds(10)), [](std::string_view) {});
    run(loop, run_past_the_end(checks));
    ASSERT_EQ(checks.findings().size(), 3U);
    const Judgement& slow = checks.findings()[0].judgement;
    EXPECT_EQ(slow.found, "interrupted: no answer");
    EXPECT_EQ(slow.fix, "run preflight again; if it fails again: start it");
    EXPECT_EQ(checks.findings()[1].judgement.found, "not looked at: interrupted");
    EXPECT_EQ(checks.findings()[2].judgement.verdict, Verdict::ok);
}

}  // namespace
}  // namespace cli::preflight
