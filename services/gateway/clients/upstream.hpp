#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "http/client.hpp"
#include "metrics/metrics.hpp"
#include "net/net.hpp"

namespace gateway {

struct UpstreamSettings {
    std::string room;
    std::vector<http::Origin> origins;
    /// Each name stands for all its addresses, each a pod, looked up again and again (a headless
    /// Service). Otherwise an origin is one pod, looked up on each connect.
    bool resolve_to_pods = false;
    std::int64_t resolve_interval_ms = 2000;
    std::int64_t attempt_timeout_ms = 0;  ///< 0: the request's whole deadline
    std::int64_t ejection_ms = 1000;
    std::int64_t deadline_margin_ms = 50;  ///< less is told to the room than we wait
    http::ClientLimits client;
};

/// Why a room gave no answer.
struct UpstreamFailure {
    bool was_sent = false;  ///< at least in part, so that it may have had an effect
    std::string what;
};

/// May an attempt be repeated after it was sent? What was certainly not sent always may.
enum class Repeatable { yes, no };

/// The pods of one room: balanced, put aside when they don't answer, one retry on another pod.
class Upstream {
  public:
    Upstream(net::Executor executor, metrics::Registry& metrics, UpstreamSettings settings);
    ~Upstream();
    Upstream(const Upstream&) = delete;
    Upstream& operator=(const Upstream&) = delete;

    /// Begins to look up names.
    void start();

    /// Adds X-Deadline-Ms to `request`, which must live until this returned.
    net::awaitable<std::expected<http::Response, UpstreamFailure>> send(
        http::OutgoingRequest& request, net::Deadline deadline, Repeatable repeatable
    );

    std::size_t pods() const;

  private:
    class Core;
    std::shared_ptr<Core> core_;
};

}  // namespace gateway
