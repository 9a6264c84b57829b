#pragma once

#include <cstdint>
#include <memory>

#include "gateway/domain/limit_table.hpp"
#include "metrics/metrics.hpp"
#include "net/net.hpp"
#include "redis/client.hpp"

namespace gateway {

struct RateLimiterSettings {
    LimitTable::Quotas quotas{};
    std::size_t entries_max = 131072;  ///< buckets of this pod, 48 bytes each
    std::size_t waiting_max = 8192;    ///< clients whose requests are to be told; more must wait
    std::size_t batch_max = 256;       ///< clients per call of Redis
    std::int64_t interval_ms = 20;     ///< between two calls
    std::int64_t timeout_ms = 250;     ///< of a call; nobody waits for it
    redis::Settings redis;
};

/// Counts requests against the quotas that all gateway pods share (ADR 0037). A request is decided
/// at once, by the bucket that this pod keeps; it never waits for Redis. A client who has used an
/// eighth of a quota here is told to Redis in the background, many in one call, and what it has
/// used at other pods comes back with the answer. Without Redis each pod keeps the quotas alone.
class RateLimiter {
  public:
    RateLimiter(net::Executor executor, metrics::Registry& metrics, RateLimiterSettings settings);
    ~RateLimiter();
    RateLimiter(const RateLimiter&) = delete;
    RateLimiter& operator=(const RateLimiter&) = delete;

    /// Begins to share. Needs no Redis.
    void start();

    const Quota& quota(Limit limit) const;
    /// The key's quota must be limited.
    Allowance take(const LimitKey& key);
    /// What take() would say, without taking; only a refusal appears in the metrics. The same.
    Allowance look(const LimitKey& key);

  private:
    class Core;
    std::shared_ptr<Core> core_;
};

}  // namespace gateway
