#include "crowd/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace crowd {
namespace {

TEST(Histogram, is_zero_without_samples) {
    const Histogram empty;
    EXPECT_EQ(empty.percentile(0.99), 0);
    EXPECT_EQ(empty.max(), 0);
}

TEST(Histogram, is_exact_for_small_values) {
    Histogram histogram;
    for (int value = 1; value <= 100; ++value) histogram.record(value);
    EXPECT_EQ(histogram.percentile(0.50), 50);
    EXPECT_EQ(histogram.percentile(0.99), 99);
    EXPECT_EQ(histogram.percentile(1.0), 100);
    EXPECT_EQ(histogram.percentile(0.001), 1);
}

TEST(Histogram, stays_within_its_error_of_the_sorted_samples) {
    base::Jitter random(7);
    Histogram histogram;
    std::vector<std::int64_t> samples;
    for (int index = 0; index < 20000; ++index) {
        const auto scale = random.between(1, 24);
        const auto sample = random.between(0, std::int64_t{1} << scale);
        samples.push_back(sample);
        histogram.record(sample);
    }
    std::sort(samples.begin(), samples.end());
    for (const double share : {0.01, 0.5, 0.9, 0.95, 0.99, 0.999}) {
        const auto rank =
            static_cast<std::size_t>(std::ceil(share * static_cast<double>(samples.size())));
        const std::int64_t truth = samples[rank - 1];
        EXPECT_GE(histogram.percentile(share), truth);
        EXPECT_LE(histogram.percentile(share), truth + truth / 128 + 1);
    }
    EXPECT_EQ(histogram.max(), samples.back());
}

TEST(Histogram, survives_absurd_values) {
    Histogram histogram;
    histogram.record(-5);
    histogram.record(std::int64_t{1} << 60);
    EXPECT_EQ(histogram.count(), 2U);
    EXPECT_EQ(histogram.percentile(0.5), 0);
    EXPECT_EQ(histogram.max(), std::int64_t{1} << 60);
}

}  // namespace
}  // namespace crowd
