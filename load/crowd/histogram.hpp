#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace crowd {

/// Durations in microseconds, kept as counts in buckets that grow with the value, so that any
/// number of samples takes the same memory. A percentile is at most 1/128 above the true sample;
/// the largest sample is exact.
class Histogram {
  public:
    void record(std::int64_t microseconds);
    void clear() { *this = Histogram(); }

    std::uint64_t count() const { return count_; }
    std::int64_t max() const { return max_; }
    /// The smallest value that at least `share` (0 < share <= 1) of the samples don't exceed; 0 if
    /// there are none.
    std::int64_t percentile(double share) const;

  private:
    static constexpr std::size_t exact_values = 256;
    static constexpr std::size_t steps_per_doubling = 128;
    static constexpr std::size_t doublings = 32;  ///< up to 2^40 us: 12 days

    static std::size_t bucket_of(std::int64_t value);
    static std::int64_t bucket_top(std::size_t bucket);

    std::array<std::uint32_t, exact_values + steps_per_doubling * doublings> buckets_{};
    std::uint64_t count_ = 0;
    std::int64_t max_ = 0;
};

}  // namespace crowd
