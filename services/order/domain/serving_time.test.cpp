#include "order/domain/serving_time.hpp"

#include <gtest/gtest.h>

namespace order {
namespace {

TEST(ServingTime, CountsTheRoundsAhead) {
    ServingTime time(100);
    time.observe_round_us(20'000);
    EXPECT_EQ(time.wait_us(99), 0);
    EXPECT_EQ(time.wait_us(100), 20'000);
    EXPECT_EQ(time.wait_us(2599), 519'800);
}

TEST(ServingTime, NobodyWaitsBeforeTheFirstRoundTellsHowLong) {
    EXPECT_EQ(ServingTime(1).wait_us(100'000), 0);
}

TEST(ServingTime, OneStallSaysLittleAndManySayAll) {
    ServingTime time(1);
    for (int round = 0; round < 10; ++round) time.observe_round_us(1000);
    time.observe_round_us(801'000);
    EXPECT_EQ(time.wait_us(1), 101'000);
    for (int round = 0; round < 100; ++round) time.observe_round_us(50'000);
    EXPECT_NEAR(static_cast<double>(time.wait_us(1)), 50'000, 100);
}

TEST(ServingTime, TheNextRoundIsNeverRefused) {
    ServingTime time(256);
    time.observe_round_us(60'000'000);
    EXPECT_EQ(time.wait_us(0), 0);
    EXPECT_EQ(time.wait_us(255), 0);
}

}  // namespace
}  // namespace order
