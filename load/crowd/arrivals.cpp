#include "crowd/arrivals.hpp"

#include <cmath>

namespace crowd {

double unit_interval(base::Jitter& random) {
    return static_cast<double>(random.next() >> 11) * 0x1p-53;
}

std::chrono::microseconds Arrivals::next() {
    if (spacing_ == Spacing::constant) {
        // Multiplied, not added up, so that a long run does not drift.
        const double at_us = gap_us_ * static_cast<double>(given_++);
        return std::chrono::microseconds(std::llround(at_us));
    }
    exponential_us_ += -gap_us_ * std::log1p(-unit_interval(random_));
    return std::chrono::microseconds(std::llround(exponential_us_));
}

}  // namespace crowd
