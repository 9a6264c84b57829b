#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "gateway/domain/circuit_breaker.hpp"
#include "gateway/domain/pod.hpp"
#include "gateway/domain/retry_budget.hpp"
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
    /// A pod that was given at least so long and said nothing has failed; one that was given less
    /// has not: else a caller with a deadline of a millisecond could put all pods aside.
    std::int64_t silent_after_ms = 2000;
    std::int64_t deadline_margin_ms = 50;  ///< less is told to the room than we wait
    EjectionLimits ejection;
    RetryBudgetLimits retries;
    BreakerLimits breaker;
    http::ClientLimits client;
    std::size_t admin_connections_max = 8;  ///< to each pod, besides those of `client`
};

/// Why a room gave no answer.
struct UpstreamFailure {
    bool was_sent = false;          ///< at least in part, so that it may have had an effect
    std::int64_t wait_ms = 0;       ///< it would be in vain until then
    bool was_callers_wish = false;  ///< the time that was over was a hurried caller's own
    std::string what;
};

/// May an attempt be repeated after it was sent? What was certainly not sent always may.
enum class Repeatable { yes, no };

/// Administrators don't stand in the line of a sale's buyers: they have connections of their own.
enum class Lane { everyone, admins };

/// How long an answer takes by its nature.
enum class Pace {
    usual,
    /// One attempt has the whole deadline, and its silence says nothing about pod or room: an audit
    /// reads for long.
    slow
};

/// How a request is sent, and for how long.
struct Terms {
    net::Deadline deadline;
    /// The caller gave less than http::hurried_time: an answer that is not there by then is no
    /// error of ours. Whether pod or room failed depends on UpstreamSettings::silent_after_ms.
    bool is_callers_wish = false;
    Repeatable repeatable = Repeatable::no;
    Lane lane = Lane::everyone;
    Pace pace = Pace::usual;
};

/// The pods of one room: balanced, put aside when they don't answer, one retry on another pod out
/// of a budget, and a breaker for when the room as a whole doesn't answer.
class Upstream {
  public:
    Upstream(net::Executor executor, metrics::Registry& metrics, UpstreamSettings settings);
    ~Upstream();
    Upstream(const Upstream&) = delete;
    Upstream& operator=(const Upstream&) = delete;

    /// Begins to look up names.
    void start();

    /// Sets the time that `request` tells, which must live until this returned.
    net::awaitable<std::expected<http::Response, UpstreamFailure>> send(
        http::OutgoingRequest& request, Terms terms
    );

    std::size_t pods() const;

  private:
    class Core;
    std::shared_ptr<Core> core_;
};

}  // namespace gateway
