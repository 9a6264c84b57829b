#include "net/backoff.hpp"

#include <gtest/gtest.h>

namespace {

using std::chrono::milliseconds;

TEST(Backoff, DoublesUpToItsLimitWithinTheUpperHalf) {
    net::Backoff backoff(milliseconds(100), milliseconds(500), 1);
    for (const std::int64_t expected : {100, 200, 400, 500, 500}) {
        const auto wait = backoff.next().count();
        EXPECT_GE(wait, expected / 2);
        EXPECT_LE(wait, expected);
    }
    backoff.reset();
    EXPECT_LE(backoff.next(), milliseconds(100));
}

TEST(Backoff, DrawsDifferentlyForDifferentSeeds) {
    net::Backoff one(milliseconds(100000), milliseconds(100000), 1);
    net::Backoff other(milliseconds(100000), milliseconds(100000), 2);
    EXPECT_NE(one.next(), other.next());
}

}  // namespace
