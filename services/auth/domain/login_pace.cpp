#include "auth/domain/login_pace.hpp"

#include <algorithm>

namespace auth {

std::int64_t login_wait_ms(const LoginFailures& failures) {
    if (failures.failures < free_failures || failures.since_last_ms >= failures_kept_ms) return 0;
    constexpr int doublings_max = 10;
    const int doublings = std::min(failures.failures - free_failures, doublings_max);
    const std::int64_t wait_ms = std::min(login_wait_first_ms << doublings, login_wait_most_ms);
    return std::max<std::int64_t>(wait_ms - failures.since_last_ms, 0);
}

}  // namespace auth
