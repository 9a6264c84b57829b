#include "gateway/domain/circuit_breaker.hpp"

#include <gtest/gtest.h>

namespace {

using gateway::BreakerLimits;
using gateway::CircuitBreaker;
using gateway::RoomOutcome;
using Admission = CircuitBreaker::Admission;
using State = CircuitBreaker::State;

class CircuitBreakerTest : public testing::Test {
  protected:
    Admission send(RoomOutcome outcome, std::int64_t now_ms) {
        const Admission admitted = breaker.admit(now_ms);
        if (admitted != Admission::refused) breaker.ended(admitted, outcome, now_ms);
        return admitted;
    }

    void send_many(int count, RoomOutcome outcome, std::int64_t now_ms) {
        for (int each = 0; each < count; ++each) send(outcome, now_ms);
    }

    BreakerLimits limits{
        .failures_min = 4,
        .failures_percent = 50,
        .window_ms = 1000,
        .open_ms = 100,
        .open_max_ms = 300,
        .probes_to_close = 2
    };
    CircuitBreaker breaker{limits};
};

TEST_F(CircuitBreakerTest, OpensWhenHalfOfManyFail) {
    send_many(4, RoomOutcome::answered, 0);
    send_many(3, RoomOutcome::failed, 0);
    EXPECT_EQ(breaker.state(), State::closed);
    send(RoomOutcome::failed, 0);
    EXPECT_EQ(breaker.state(), State::open);
    EXPECT_EQ(breaker.admit(0), Admission::refused);
    EXPECT_EQ(breaker.wait_ms(40), 60);
}

TEST_F(CircuitBreakerTest, AFewFailuresOrASmallShareOpenNothing) {
    send_many(3, RoomOutcome::failed, 0);
    EXPECT_EQ(breaker.state(), State::closed) << "too few";
    send_many(100, RoomOutcome::answered, 1500);
    send_many(50, RoomOutcome::failed, 1500);
    EXPECT_EQ(breaker.state(), State::closed) << "a third";
    send_many(20, RoomOutcome::neither, 1500);
    EXPECT_EQ(breaker.state(), State::closed);
}

TEST_F(CircuitBreakerTest, OldFailuresAreForgotten) {
    send_many(3, RoomOutcome::failed, 0);
    send(RoomOutcome::failed, 1100);
    EXPECT_EQ(breaker.state(), State::closed);
}

TEST_F(CircuitBreakerTest, OneProbeAtATimeUntilEnoughAreAnswered) {
    send_many(4, RoomOutcome::failed, 0);
    EXPECT_EQ(breaker.admit(99), Admission::refused);
    EXPECT_EQ(breaker.admit(100), Admission::probe);
    EXPECT_EQ(breaker.state(), State::half_open);
    EXPECT_EQ(breaker.admit(100), Admission::refused) << "one at a time";
    breaker.ended(Admission::probe, RoomOutcome::answered, 110);
    EXPECT_EQ(breaker.state(), State::half_open);
    EXPECT_EQ(send(RoomOutcome::neither, 111), Admission::probe);
    EXPECT_EQ(breaker.state(), State::half_open) << "it said nothing";
    EXPECT_EQ(send(RoomOutcome::answered, 112), Admission::probe);
    EXPECT_EQ(breaker.state(), State::closed);
    send_many(3, RoomOutcome::failed, 113);
    EXPECT_EQ(breaker.state(), State::closed) << "it begins anew";
}

TEST_F(CircuitBreakerTest, AFailedProbeOpensForTwiceAsLongUpToAMost) {
    send_many(4, RoomOutcome::failed, 0);
    EXPECT_EQ(send(RoomOutcome::failed, 100), Admission::probe);
    EXPECT_EQ(breaker.admit(299), Admission::refused);
    EXPECT_EQ(send(RoomOutcome::failed, 300), Admission::probe);
    EXPECT_EQ(breaker.wait_ms(300), 300);
    EXPECT_EQ(send(RoomOutcome::failed, 600), Admission::probe);
    EXPECT_EQ(breaker.wait_ms(600), 300) << "no longer than the most";
    send(RoomOutcome::answered, 900);
    send(RoomOutcome::answered, 900);
    send_many(4, RoomOutcome::failed, 900);
    EXPECT_EQ(breaker.wait_ms(900), 100) << "once closed, as at first";
}

TEST_F(CircuitBreakerTest, WhatWasSentBeforeItOpenedIsOldNews) {
    const Admission early = breaker.admit(0);
    send_many(4, RoomOutcome::failed, 0);
    breaker.ended(early, RoomOutcome::answered, 50);
    EXPECT_EQ(breaker.state(), State::open);
    EXPECT_EQ(breaker.admit(100), Admission::probe);
    breaker.ended(early, RoomOutcome::failed, 101);
    EXPECT_EQ(breaker.state(), State::half_open);
    EXPECT_EQ(breaker.admit(101), Admission::refused) << "the probe is still under way";
}

}  // namespace
