#include "gateway/domain/pod.hpp"

#include <array>

#include <gtest/gtest.h>

namespace {

using gateway::AttemptEnd;
using gateway::Pod;

constexpr gateway::EjectionLimits limits{.first_ms = 1000, .most_ms = 5000};

class PodTest : public testing::Test {
  protected:
    std::optional<std::size_t> choose(const Pod* excluded, std::int64_t now_ms) {
        const auto choice = gateway::choose_pod(pointers, excluded, last, now_ms);
        if (choice) last = *choice;
        return choice;
    }

    void fail(Pod& pod, std::int64_t now_ms, AttemptEnd end = AttemptEnd::refused) {
        finish(pod, gateway::begin_attempt(pod), end, now_ms);
    }

    void finish(Pod& pod, bool is_probe, AttemptEnd end, std::int64_t now_ms) {
        gateway::end_attempt(pod, is_probe, end, now_ms, limits, pointers);
    }

    std::array<Pod, 3> pods;
    std::array<const Pod*, 3> pointers{&pods[0], &pods[1], &pods[2]};
    std::size_t last = 0;
};

TEST_F(PodTest, EqualsTakeTurns) {
    EXPECT_EQ(choose(nullptr, 0), 1U);
    EXPECT_EQ(choose(nullptr, 0), 2U);
    EXPECT_EQ(choose(nullptr, 0), 0U);
}

TEST_F(PodTest, TheLeastBusyIsChosen) {
    pods[0].under_way = 2;
    pods[1].under_way = 1;
    pods[2].under_way = 3;
    EXPECT_EQ(choose(nullptr, 0), 1U);
    EXPECT_EQ(choose(&pods[1], 0), 0U);
}

TEST_F(PodTest, AFailedOneIsPutAsideThenProbedByOneAtATime) {
    fail(pods[0], 0);
    pods[1].under_way = pods[2].under_way = 5;
    EXPECT_NE(choose(nullptr, 999), 0U);
    EXPECT_EQ(choose(nullptr, 1000), 0U);
    const bool probe = gateway::begin_attempt(pods[0]);
    EXPECT_TRUE(probe);
    EXPECT_NE(choose(nullptr, 1000), 0U) << "one probe at a time";
    finish(pods[0], probe, AttemptEnd::other, 1100);
    EXPECT_EQ(choose(nullptr, 1100), 0U) << "the probe said nothing";
    fail(pods[0], 1100);
    EXPECT_NE(choose(nullptr, 3099), 0U) << "twice as long";
    EXPECT_EQ(choose(nullptr, 3100), 0U);
    finish(pods[0], gateway::begin_attempt(pods[0]), AttemptEnd::answered, 3200);
    EXPECT_EQ(choose(nullptr, 3200), 0U);
    gateway::begin_attempt(pods[0]);
    EXPECT_EQ(choose(nullptr, 3200), 0U) << "no longer one at a time";
}

TEST_F(PodTest, TheTimeAsideGrowsUpToAMostAndIsForgottenAfterAGoodTime) {
    Pod& pod = pods[0];
    std::int64_t now = 10'000;
    for (const std::int64_t time : {1000, 2000, 4000, 5000, 5000}) {
        fail(pod, now);
        EXPECT_EQ(pod.aside_until_ms, now + time);
        now = pod.aside_until_ms;
    }
    finish(pod, gateway::begin_attempt(pod), AttemptEnd::answered, now);
    fail(pod, now + 4999);
    EXPECT_EQ(pod.aside_until_ms, now + 4999 + 5000) << "it was well for too short a time";
    finish(pod, gateway::begin_attempt(pod), AttemptEnd::answered, now + 10'000);
    fail(pod, now + 15'000);
    EXPECT_EQ(pod.aside_until_ms, now + 16'000);
}

TEST_F(PodTest, WhatWasUnderWayWhenAPodWasPutAsideIsNoFurtherFailure) {
    Pod& pod = pods[0];
    for (int each = 0; each < 50; ++each) EXPECT_FALSE(gateway::begin_attempt(pod));
    for (int each = 0; each < 50; ++each) finish(pod, false, AttemptEnd::refused, 10'000 + each);
    EXPECT_EQ(pod.aside_until_ms, 11'000);
    EXPECT_EQ(pod.times_aside, 1);
}

TEST_F(PodTest, OnlyHalfOfAllArePutAsideForTheirSilence) {
    for (Pod& pod : pods) fail(pod, 0, AttemptEnd::silent);
    EXPECT_TRUE(pods[0].suspect);
    EXPECT_FALSE(pods[1].suspect) << "most of them silent: it is not them";
    EXPECT_FALSE(pods[2].suspect);
    fail(pods[1], 1, AttemptEnd::refused);
    EXPECT_TRUE(pods[1].suspect) << "who refuses is gone";
}

TEST_F(PodTest, WhatIsPutAsideIsChosenIfNothingElseIsLeft) {
    for (Pod& pod : pods) fail(pod, 0);
    EXPECT_TRUE(choose(nullptr, 1).has_value());
}

TEST_F(PodTest, TheOnlyOneCanBeExcluded) {
    EXPECT_FALSE(gateway::choose_pod(std::span(pointers).first(1), &pods[0], 0, 0).has_value());
    EXPECT_FALSE(gateway::choose_pod({}, nullptr, 0, 0).has_value());
}

}  // namespace
