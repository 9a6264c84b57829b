#include "gateway/domain/limit_table.hpp"

#include <gtest/gtest.h>

namespace {

using gateway::Limit;
using gateway::LimitKey;
using gateway::LimitTable;
using gateway::Quota;

constexpr std::int64_t second = 1'000'000;

LimitKey key_of(std::uint32_t number, Limit limit = Limit::purchase) {
    LimitKey key{limit, {}};
    for (std::size_t byte = 0; byte < 4; ++byte) {
        key.subject[byte] = static_cast<std::uint8_t>(number >> (8 * byte));
    }
    return key;
}

LimitTable::Quotas quotas(std::int64_t requests) {
    LimitTable::Quotas all;
    all.fill(Quota{requests, second});
    return all;
}

TEST(LimitTableTest, EverySubjectAndLimitHasABucketOfItsOwn) {
    LimitTable table(quotas(1), 1024, 7);
    EXPECT_TRUE(table.take(key_of(1), 0).allowance.is_granted);
    EXPECT_FALSE(table.take(key_of(1), 0).allowance.is_granted);
    EXPECT_TRUE(table.take(key_of(2), 0).allowance.is_granted);
    EXPECT_TRUE(table.take(key_of(1, Limit::account), 0).allowance.is_granted);
}

TEST(LimitTableTest, ALookTakesNothing) {
    LimitTable table(quotas(2), 1024, 7);
    for (int each = 0; each < 5; ++each) EXPECT_TRUE(table.look(key_of(1), 0).is_granted);
    table.take(key_of(1), 0);
    EXPECT_TRUE(table.look(key_of(1), 0).is_granted);
    table.take(key_of(1), 0);
    const auto refused = table.look(key_of(1), 0);
    EXPECT_FALSE(refused.is_granted);
    EXPECT_EQ(refused.wait_us, second / 2);
    EXPECT_FALSE(table.take(key_of(1), 0).allowance.is_granted);
    EXPECT_TRUE(table.look(key_of(1), second / 2).is_granted);
    EXPECT_EQ(table.tell(key_of(1)), 2) << "only what was taken is told to others";
    EXPECT_TRUE(table.look(key_of(1, Limit::account), 0).is_granted);
}

TEST(LimitTableTest, OthersAreToldAfterAnEighthOfTheQuota) {
    LimitTable table(quotas(40), 1024, 7);
    for (int each = 0; each < 4; ++each) EXPECT_FALSE(table.take(key_of(1), 0).should_tell);
    EXPECT_TRUE(table.take(key_of(1), 0).should_tell);
    EXPECT_FALSE(table.take(key_of(1), 0).should_tell) << "said once";
    EXPECT_EQ(table.tell(key_of(1)), 6);
    EXPECT_EQ(table.tell(key_of(1)), 0);
    for (int each = 0; each < 4; ++each) EXPECT_FALSE(table.take(key_of(1), 0).should_tell);
    EXPECT_TRUE(table.take(key_of(1), 0).should_tell);
}

TEST(LimitTableTest, WhatWasNotToldIsToldTheNextTime) {
    LimitTable table(quotas(16), 1024, 7);
    for (int each = 0; each < 5; ++each) table.take(key_of(1), 0);
    EXPECT_EQ(table.tell(key_of(1)), 5);
    table.untell(key_of(1), 5);
    EXPECT_TRUE(table.take(key_of(1), 0).should_tell);
    EXPECT_EQ(table.tell(key_of(1)), 6);
    for (int each = 0; each < 100; ++each) table.untell(key_of(1), 6);
    EXPECT_EQ(table.tell(key_of(1)), 16) << "at most the quota";
}

TEST(LimitTableTest, WhatOthersUsedIsMissingHere) {
    LimitTable table(quotas(10), 1024, 7);
    table.take(key_of(1), 0);
    table.tell(key_of(1));
    table.take(key_of(1), 0);
    table.learn(key_of(1), 8 * second / 10, 0);  // one of these eight is ours
    const auto last = table.take(key_of(1), 0);
    EXPECT_TRUE(last.allowance.is_granted) << "eight, and the one that is not told yet";
    EXPECT_EQ(last.allowance.remaining, 0);
    EXPECT_FALSE(table.take(key_of(1), 0).allowance.is_granted);
    EXPECT_TRUE(table.take(key_of(1), second / 10).allowance.is_granted);
}

TEST(LimitTableTest, LearningNeverGivesBack) {
    LimitTable table(quotas(2), 1024, 7);
    table.take(key_of(1), 0);
    table.take(key_of(1), 0);
    table.tell(key_of(1));
    table.learn(key_of(1), 0, 0);  // a Redis that has lost everything
    EXPECT_FALSE(table.take(key_of(1), 0).allowance.is_granted);
}

TEST(LimitTableTest, AFloodOfNewClientsDoesNotFreeABusyOne) {
    LimitTable table(quotas(10), 64, 7);
    for (int each = 0; each < 10; ++each) table.take(key_of(0), 0);
    for (std::uint32_t other = 1; other < 10'000; ++other) table.take(key_of(other), 0);
    EXPECT_FALSE(table.take(key_of(0), 0).allowance.is_granted);
    EXPECT_GT(table.forgotten(), 9'000U);
}

TEST(LimitTableTest, BucketsThatAreWholeAgainAreReplacedFirst) {
    LimitTable table(quotas(10), 8, 7);
    for (std::uint32_t each = 0; each < 8; ++each) table.take(key_of(each), 0);
    for (std::uint32_t other = 8; other < 16; ++other) table.take(key_of(other), 2 * second);
    EXPECT_EQ(table.forgotten(), 0U);
}

TEST(LimitTableTest, KeysSpreadOverTheTable) {
    constexpr std::uint32_t clients = 4096;
    LimitTable table(quotas(10), 2 * clients, 99);
    for (std::uint32_t each = 0; each < clients; ++each) table.take(key_of(each), 0);
    EXPECT_LT(table.forgotten(), clients / 50) << "half full: few sets overflow";
}

}  // namespace
