#pragma once

#include <chrono>
#include <cstdint>

#include "base/random.hpp"

namespace crowd {

enum class Spacing { constant, exponential };

/// When the buyers of an open run arrive, as times since its start. The same seed gives the same
/// arrivals; they never depend on how fast the shop answers.
class Arrivals {
  public:
    Arrivals(double per_second, Spacing spacing, std::uint64_t seed)
        : gap_us_(1e6 / per_second), spacing_(spacing), random_(seed) {}

    /// Each call gives the next arrival, never before the one it gave last.
    std::chrono::microseconds next();

  private:
    double gap_us_;
    Spacing spacing_;
    base::Jitter random_;
    std::uint64_t given_ = 0;
    double exponential_us_ = 0;
};

/// Uniform in [0, 1).
double unit_interval(base::Jitter& random);

}  // namespace crowd
