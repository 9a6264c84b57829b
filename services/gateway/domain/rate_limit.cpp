#include "gateway/domain/rate_limit.hpp"

#include <algorithm>

namespace gateway {

std::int64_t Quota::cost_us() const {
    return std::max<std::int64_t>(window_us / requests, 1);
}

Allowance take(const Quota& quota, std::int64_t& whole_at_us, std::int64_t now_us) {
    const std::int64_t cost_us = quota.cost_us();
    // Not window_us, which the cost need not divide: then the last request would never be granted.
    const std::int64_t room_us = cost_us * quota.requests;
    const std::int64_t used_us = std::max<std::int64_t>(whole_at_us - now_us, 0);
    Allowance allowance;
    allowance.is_granted = used_us + cost_us <= room_us;
    const std::int64_t after_us = allowance.is_granted ? used_us + cost_us : used_us;
    if (allowance.is_granted) whole_at_us = now_us + after_us;
    // More than the quota may be used: by the same client at other pods.
    allowance.remaining = std::max<std::int64_t>((room_us - after_us) / cost_us, 0);
    allowance.wait_us = std::max<std::int64_t>(after_us + cost_us - room_us, 0);
    allowance.whole_in_us = after_us;
    return allowance;
}

}  // namespace gateway
