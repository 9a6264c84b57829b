#include "payment/domain/script.hpp"

#include <gtest/gtest.h>

namespace payment {
namespace {

constexpr Timings timings{.slow_verdict_ms = 10, .webhook_lead_ms = 20, .late_webhook_ms = 30};

Script of(std::string_view method) {
    return script_of(method, timings).value();
}

TEST(Script, AnswersWithTheVerdictAndTellsNothing) {
    EXPECT_EQ(of("sandbox:approve").state, ChargeState::charged);
    EXPECT_EQ(of("sandbox:decline").state, ChargeState::declined);
    for (const auto* method : {"sandbox:approve", "sandbox:decline"}) {
        EXPECT_EQ(of(method).webhook_copies, 0);
        EXPECT_EQ(of(method).answer_after_ms, 0);
        EXPECT_TRUE(of(method).is_answered);
    }
}

TEST(Script, SlowIsDecidedLaterAndThenTold) {
    const Script script = of("sandbox:slow");
    EXPECT_EQ(script.state, ChargeState::pending);
    EXPECT_EQ(script.settles_after_ms, 10);
    EXPECT_GE(script.webhook_after_ms, script.settles_after_ms);
    EXPECT_EQ(script.webhook_copies, 1);
    EXPECT_EQ(script.answer_after_ms, 0);
}

TEST(Script, AWebhookMayOvertakeTheAnswer) {
    const Script script = of("sandbox:webhook-first");
    EXPECT_EQ(script.state, ChargeState::charged);
    EXPECT_LT(script.webhook_after_ms, script.answer_after_ms);
    EXPECT_TRUE(script.is_answered);
}

TEST(Script, AWebhookMayComeTwice) {
    EXPECT_EQ(of("sandbox:duplicate").webhook_copies, 2);
    EXPECT_EQ(of("sandbox:duplicate").state, ChargeState::charged);
}

TEST(Script, AChargeMayBeAnsweredByALateWebhookOnly) {
    const Script script = of("sandbox:silent");
    EXPECT_EQ(script.state, ChargeState::charged);
    EXPECT_FALSE(script.is_answered);
    EXPECT_EQ(script.webhook_after_ms, 30);
    EXPECT_EQ(script.webhook_copies, 1);
}

TEST(Script, KnowsWhatItSaysItKnows) {
    std::string_view rest = known_methods();
    int count = 0;
    while (!rest.empty()) {
        const auto comma = rest.find(", ");
        EXPECT_TRUE(script_of(rest.substr(0, comma), timings)) << rest;
        rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 2);
        ++count;
    }
    EXPECT_EQ(count, 6);
    for (const auto* method : {"", "sandbox:", "sandbox:approve ", "card", "SANDBOX:APPROVE"}) {
        EXPECT_FALSE(script_of(method, timings)) << method;
    }
}

}  // namespace
}  // namespace payment
