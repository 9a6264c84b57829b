#include "gateway/domain/rate_limit.hpp"

#include <gtest/gtest.h>

namespace {

using gateway::Quota;
using gateway::take;

constexpr std::int64_t second = 1'000'000;
constexpr Quota ten_a_second{10, second};

TEST(RateLimitTest, TheWholeQuotaMayComeAtOnce) {
    std::int64_t bucket = 0;
    for (std::int64_t left = 9; left >= 0; --left) {
        const auto allowance = take(ten_a_second, bucket, 5 * second);
        EXPECT_TRUE(allowance.is_granted);
        EXPECT_EQ(allowance.remaining, left);
    }
    const auto refused = take(ten_a_second, bucket, 5 * second);
    EXPECT_FALSE(refused.is_granted);
    EXPECT_EQ(refused.remaining, 0);
    EXPECT_EQ(refused.wait_us, second / 10);
    EXPECT_EQ(refused.whole_in_us, second);
}

TEST(RateLimitTest, WhatWasUsedComesBackEvenly) {
    std::int64_t bucket = 0;
    std::int64_t now = second;
    for (int each = 0; each < 10; ++each) take(ten_a_second, bucket, now);
    EXPECT_FALSE(take(ten_a_second, bucket, now + second / 10 - 1).is_granted);
    EXPECT_TRUE(take(ten_a_second, bucket, now + second / 10).is_granted);
    EXPECT_FALSE(take(ten_a_second, bucket, now + second / 10).is_granted);
    int granted = 0;
    for (now = 2 * second; now < 12 * second; now += second / 100) {
        if (take(ten_a_second, bucket, now).is_granted) ++granted;
    }
    EXPECT_NEAR(granted, 109, 1) << "ten seconds' worth, and what was there at first";
}

TEST(RateLimitTest, ARefusalCostsNothing) {
    std::int64_t bucket = 0;
    for (int each = 0; each < 1000; ++each) take(ten_a_second, bucket, 0);
    EXPECT_EQ(bucket, second);
    EXPECT_TRUE(take(ten_a_second, bucket, second / 10).is_granted);
}

TEST(RateLimitTest, ARestedBucketIsWholeAndNoMore) {
    std::int64_t bucket = 0;
    take(ten_a_second, bucket, 0);
    EXPECT_EQ(take(ten_a_second, bucket, 100 * second).remaining, 9);
}

TEST(RateLimitTest, UsedElsewhereMeansALongerWait) {
    std::int64_t bucket = 3 * second;
    const auto refused = take(ten_a_second, bucket, 0);
    EXPECT_FALSE(refused.is_granted);
    EXPECT_EQ(refused.remaining, 0);
    EXPECT_EQ(refused.wait_us, 2 * second + second / 10);
}

TEST(RateLimitTest, EveryRequestOfAnOddQuotaIsGranted) {
    for (const std::int64_t requests : {1, 3, 7, 999, 5'000'000}) {
        std::int64_t bucket = 0;
        const Quota quota{requests, second};
        const int enough = static_cast<int>(std::min<std::int64_t>(requests, 1000));
        for (int each = 0; each < enough; ++each) {
            EXPECT_TRUE(take(quota, bucket, 0).is_granted) << requests;
        }
    }
}

}  // namespace
