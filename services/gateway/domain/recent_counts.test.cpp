#include "gateway/domain/recent_counts.hpp"

#include <gtest/gtest.h>

namespace {

using gateway::RecentCounts;

TEST(RecentCountsTest, CountsAWindow) {
    RecentCounts counts(1000);
    for (int now = 5000; now < 6000; now += 10) counts.add(now);
    EXPECT_EQ(counts.sum(5999), 100);
    EXPECT_EQ(counts.sum(6499), 50);
    EXPECT_EQ(counts.sum(6899), 10);
    EXPECT_EQ(counts.sum(7000), 0);
}

TEST(RecentCountsTest, APlaceIsUsedAgainEmpty) {
    RecentCounts counts(1000);
    counts.add(50);
    counts.add(1050);
    EXPECT_EQ(counts.sum(1050), 1);
    counts.clear();
    EXPECT_EQ(counts.sum(1050), 0);
}

}  // namespace
