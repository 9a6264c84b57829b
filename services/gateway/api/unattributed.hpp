#pragma once

#include <array>
#include <cstdint>

#include "gateway/api/sender.hpp"
#include "metrics/metrics.hpp"
#include "net/net.hpp"

namespace gateway {

/// Notices that limits by address don't hold what they promise, because the addresses that arrive
/// here are not clients': counts such requests
/// (doorbuster_gateway_unattributed_requests_total by why) and warns, at most once a minute for
/// each why, if they were one in twenty: anybody can send a few. Owned by one loop.
class Unattributed {
  public:
    explicit Unattributed(metrics::Registry& metrics);

    /// For each request that is to be counted by its sender's address.
    void note(const Sender& sender);

  private:
    struct Why {
        prometheus::Counter* requests = nullptr;
        std::int64_t requests_since = 0;  ///< the last look
        std::int64_t all_before = 0;      ///< `all_` at the last look
        net::Deadline next_look{};
    };

    std::int64_t all_ = 0;
    std::array<Why, 4> whys_{};  ///< by Attribution; the client's has no counter
};

}  // namespace gateway
