#include "crowd/arrivals.hpp"

#include <gtest/gtest.h>

namespace crowd {
namespace {

using std::chrono::microseconds;

TEST(Arrivals, constant_spacing_does_not_drift) {
    Arrivals arrivals(3.0, Spacing::constant, 1);
    microseconds last{};
    for (int index = 0; index <= 3000; ++index) last = arrivals.next();
    EXPECT_EQ(last, microseconds(1000000000));
}

TEST(Arrivals, exponential_spacing_has_the_asked_rate_and_spread) {
    Arrivals arrivals(1000.0, Spacing::exponential, 42);
    constexpr int samples = 100000;
    microseconds before{};
    int short_gaps = 0;
    for (int index = 0; index < samples; ++index) {
        const auto now = arrivals.next();
        ASSERT_GE(now, before);
        // Of exponential gaps, 1 - 1/e are below the mean.
        if (now - before < microseconds(1000)) ++short_gaps;
        before = now;
    }
    EXPECT_NEAR(static_cast<double>(before.count()) / 1e6, samples / 1000.0, 2.0);
    EXPECT_NEAR(static_cast<double>(short_gaps) / samples, 0.632, 0.01);
}

TEST(Arrivals, follow_the_seed) {
    Arrivals one(100.0, Spacing::exponential, 5);
    Arrivals same(100.0, Spacing::exponential, 5);
    Arrivals other(100.0, Spacing::exponential, 6);
    bool differs = false;
    for (int index = 0; index < 50; ++index) {
        const auto at = one.next();
        EXPECT_EQ(at, same.next());
        differs = differs || at != other.next();
    }
    EXPECT_TRUE(differs);
}

}  // namespace
}  // namespace crowd
