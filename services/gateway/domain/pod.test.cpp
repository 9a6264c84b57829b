#include "gateway/domain/pod.hpp"

#include <array>

#include <gtest/gtest.h>

namespace {

using gateway::AttemptEnd;
using gateway::Pod;

constexpr std::int64_t ejection_ms = 1000;

class PodTest : public testing::Test {
  protected:
    std::optional<std::size_t> choose(const Pod* excluded, std::int64_t now_ms) {
        const auto choice = gateway::choose_pod(pointers, excluded, last, now_ms);
        if (choice) last = *choice;
        return choice;
    }

    void fail(Pod& pod, std::int64_t now_ms) {
        const bool probe = gateway::begin_attempt(pod);
        gateway::end_attempt(pod, probe, AttemptEnd::unreachable, now_ms, ejection_ms);
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
    gateway::end_attempt(pods[0], probe, AttemptEnd::other, 1100, ejection_ms);
    EXPECT_EQ(choose(nullptr, 1100), 0U) << "the probe said nothing";
    fail(pods[0], 1100);
    EXPECT_NE(choose(nullptr, 2099), 0U);
    const bool again = gateway::begin_attempt(pods[0]);
    gateway::end_attempt(pods[0], again, AttemptEnd::answered, 2200, ejection_ms);
    EXPECT_EQ(choose(nullptr, 2200), 0U);
    gateway::begin_attempt(pods[0]);
    EXPECT_EQ(choose(nullptr, 2200), 0U) << "no longer one at a time";
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
