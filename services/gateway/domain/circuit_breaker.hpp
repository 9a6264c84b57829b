#pragma once

#include <cstdint>

#include "gateway/domain/recent_counts.hpp"

namespace gateway {

struct BreakerLimits {
    std::int64_t failures_min = 20;      ///< in a window; fewer say nothing about a room
    std::int64_t failures_percent = 50;  ///< of the window's outcomes
    std::int64_t window_ms = 5000;
    std::int64_t open_ms = 500;  ///< at first; doubled with each probe that fails
    std::int64_t open_max_ms = 4000;
    std::int64_t probes_to_close = 3;  ///< answered in a row
};

/// How a request to a room ended, its retry included.
enum class RoomOutcome {
    answered,  ///< with any status: a room that says 503 is there, and says so sooner than we could
    failed,    ///< no connection, or silence for as long as a request is given
    neither    ///< says nothing about the room: the caller's own deadline, a broken connection
};

/// Spares callers the wait for a room that doesn't answer, and the room their requests while it
/// comes back. Closed, it lets all pass; open, none; after a while one request at a time probes.
class CircuitBreaker {
  public:
    enum class State { closed, half_open, open };
    enum class Admission { pass, probe, refused };

    explicit CircuitBreaker(const BreakerLimits& limits);

    /// What is admitted must end with ended().
    Admission admit(std::int64_t now_ms);
    void ended(Admission admitted, RoomOutcome outcome, std::int64_t now_ms);

    State state() const { return state_; }
    /// Until a probe may be admitted, when one was refused just now.
    std::int64_t wait_ms(std::int64_t now_ms) const;

  private:
    void open(std::int64_t now_ms);
    void probe_ended(RoomOutcome outcome, std::int64_t now_ms);

    BreakerLimits limits_;
    RecentCounts outcomes_;
    RecentCounts failures_;
    State state_ = State::closed;
    bool is_probing_ = false;
    std::int64_t probes_answered_ = 0;
    std::int64_t open_ms_;
    std::int64_t open_until_ms_ = 0;
};

}  // namespace gateway
