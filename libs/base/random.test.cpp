#include "base/random.hpp"

#include <array>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "base/assertion.hpp"

namespace {

TEST(SecureRandom, FillsTheWholeSpan) {
    std::vector<std::uint8_t> bytes(4096, 0);
    base::secure_random(bytes);
    std::array<int, 256> counts{};
    for (const std::uint8_t byte : bytes) ++counts[byte];
    // 16 expected of each; 80 of one value has a chance below 1e-25.
    for (const int count : counts) EXPECT_LT(count, 80);
}

// The sequence of the published splitmix64 for seed 1234567.
TEST(Jitter, IsSplitmix64) {
    base::Jitter jitter(1234567);
    EXPECT_EQ(jitter.next(), 6457827717110365317u);
    EXPECT_EQ(jitter.next(), 3203168211198807973u);
    EXPECT_EQ(jitter.next(), 9817491932198370423u);
}

TEST(Jitter, StaysWithinItsBoundsAndReachesThem) {
    base::Jitter jitter(7);
    std::set<std::int64_t> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(jitter.between(-2, 2));
    EXPECT_EQ(seen, (std::set<std::int64_t>{-2, -1, 0, 1, 2}));
    EXPECT_EQ(jitter.between(5, 5), 5);
    jitter.between(INT64_MIN, INT64_MAX);
}

TEST(AssertionDeathTest, SaysWhatBrokeAndStops) {
    DOORBUSTER_ASSERT(1 + 1 == 2);
    EXPECT_DEATH(DOORBUSTER_ASSERT(1 + 1 == 3), "broken assertion: 1 \\+ 1 == 3");
}

}  // namespace
