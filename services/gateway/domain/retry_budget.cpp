#include "gateway/domain/retry_budget.hpp"

#include <algorithm>

namespace gateway {

RetryBudget::RetryBudget(const RetryBudgetLimits& limits)
    : limits_(limits), requests_(limits.window_ms), retries_(limits.window_ms) {}

bool RetryBudget::take_retry(std::int64_t now_ms) {
    const std::int64_t share = requests_.sum(now_ms) * limits_.percent / 100;
    if (retries_.sum(now_ms) >= std::max(share, limits_.at_least)) return false;
    retries_.add(now_ms);
    return true;
}

}  // namespace gateway
