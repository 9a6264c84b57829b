#include "auth/domain/attempt_pace.hpp"

#include <algorithm>
#include <cmath>

namespace auth {

std::int64_t attempt_wait_ms(const Attempts& attempts, const Pace& pace) {
    const auto drain_ms = static_cast<double>(pace.drain_ms);
    const double drained = static_cast<double>(attempts.since_last_ms) / drain_ms;
    const double level = std::max(0.0, attempts.level - drained);
    const double too_many = level + 1 - pace.attempts_max;
    if (too_many <= 0) return 0;
    return static_cast<std::int64_t>(std::ceil(std::min(too_many, 1.0) * drain_ms));
}

}  // namespace auth
