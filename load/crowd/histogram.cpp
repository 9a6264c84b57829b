#include "crowd/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace crowd {

std::size_t Histogram::bucket_of(std::int64_t value) {
    const auto plain = static_cast<std::uint64_t>(value);
    if (plain < exact_values) return plain;
    const auto shift = static_cast<std::size_t>(std::bit_width(plain)) - 8;
    const std::size_t bucket =
        exact_values + (shift - 1) * steps_per_doubling + ((plain >> shift) - steps_per_doubling);
    return std::min(bucket, exact_values + steps_per_doubling * doublings - 1);
}

std::int64_t Histogram::bucket_top(std::size_t bucket) {
    if (bucket < exact_values) return static_cast<std::int64_t>(bucket);
    const std::size_t shift = (bucket - exact_values) / steps_per_doubling + 1;
    const std::size_t step = (bucket - exact_values) % steps_per_doubling + steps_per_doubling;
    return (static_cast<std::int64_t>(step + 1) << shift) - 1;
}

void Histogram::record(std::int64_t microseconds) {
    const std::int64_t value = std::max<std::int64_t>(microseconds, 0);
    ++buckets_[bucket_of(value)];
    ++count_;
    max_ = std::max(max_, value);
}

std::int64_t Histogram::percentile(double share) const {
    if (count_ == 0) return 0;
    const auto rank = static_cast<std::uint64_t>(
        std::clamp(std::ceil(share * static_cast<double>(count_)), 1.0, static_cast<double>(count_))
    );
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
        seen += buckets_[bucket];
        if (seen >= rank) return std::min(bucket_top(bucket), max_);
    }
    return max_;
}

}  // namespace crowd
