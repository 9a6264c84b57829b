#pragma once

#include <cstdint>

#include "gateway/domain/recent_counts.hpp"

namespace gateway {

struct RetryBudgetLimits {
    std::int64_t percent = 20;    ///< of the requests of the window
    std::int64_t at_least = 100;  ///< retries in a window, however few requests there were
    std::int64_t window_ms = 10000;
};

/// How much of its own load a room may be sent a second time. Without it a room that fails gets
/// twice the requests just when it can serve none.
class RetryBudget {
  public:
    explicit RetryBudget(const RetryBudgetLimits& limits);

    /// A request that is sent for the first time.
    void note_request(std::int64_t now_ms) { requests_.add(now_ms); }
    /// Takes one retry, if there is one left.
    bool take_retry(std::int64_t now_ms);

  private:
    RetryBudgetLimits limits_;
    RecentCounts requests_;
    RecentCounts retries_;
};

}  // namespace gateway
