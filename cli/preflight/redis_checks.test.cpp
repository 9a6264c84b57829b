// What the end of the time does to the answers; sound and broken sets are in servers.test.cpp.

#include "cli/preflight/redis_checks.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"

namespace cli::preflight {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Tcp = net::asio::ip::tcp;

/// What was found, by the name of the check.
std::map<std::string, Judgement> look(net::Deadline end, const redis::Address& sentinel) {
    net::asio::io_context loop{1};
    Settings settings;
    settings.redis.sentinels = {sentinel};
    Checks checks(end, [](std::string_view) {});
    run(loop, check_redis(checks, settings));
    std::map<std::string, Judgement> found;
    for (const Finding& finding : checks.findings()) found[finding.check] = finding.judgement;
    return found;
}

TEST(PreflightRedisChecks, nobody_is_told_to_start_what_was_not_asked) {
    const auto found = look(net::SteadyClock::now(), {"127.0.0.1", 1});
    for (const char* check : {"sentinels", "quorum", "master"}) {
        EXPECT_EQ(found.at(check).verdict, Verdict::failed);
        EXPECT_EQ(found.at(check).found, "not looked at: the time was over") << check;
        EXPECT_THAT(found.at(check).fix, HasSubstr("--timeout-s"));
    }
}

TEST(PreflightRedisChecks, a_sentinel_that_the_time_cut_off_may_be_sound) {
    net::asio::io_context loop{1};
    const Tcp::acceptor silent(loop, Tcp::endpoint(net::asio::ip::address_v4::loopback(), 0));
    const redis::Address address{"127.0.0.1", silent.local_endpoint().port()};
    const auto found = look(net::deadline_in(std::chrono::milliseconds(200)), address);
    EXPECT_THAT(found.at("sentinels").found, StartsWith("the time was over: 127.0.0.1"));
    EXPECT_EQ(found.at("quorum").found, "not looked at: the time was over");
    EXPECT_EQ(found.at("master").found, "not looked at: the time was over");
}

TEST(PreflightRedisChecks, one_that_refuses_in_time_is_to_be_started) {
    const auto found = look(net::deadline_in(std::chrono::seconds(10)), {"127.0.0.1", 1});
    EXPECT_THAT(found.at("sentinels").found, StartsWith("127.0.0.1:1"));
    EXPECT_THAT(found.at("sentinels").fix, StartsWith("start the sentinels"));
    EXPECT_EQ(found.at("master").found, "nobody names one");
}

}  // namespace
}  // namespace cli::preflight
