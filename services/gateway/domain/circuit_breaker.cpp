#include "gateway/domain/circuit_breaker.hpp"

#include <algorithm>

namespace gateway {

CircuitBreaker::CircuitBreaker(const BreakerLimits& limits)
    : limits_(limits),
      outcomes_(limits.window_ms),
      failures_(limits.window_ms),
      open_ms_(limits.open_ms) {}

CircuitBreaker::Admission CircuitBreaker::admit(std::int64_t now_ms) {
    if (state_ == State::closed) return Admission::pass;
    if (state_ == State::open) {
        if (now_ms < open_until_ms_) return Admission::refused;
        state_ = State::half_open;
        is_probing_ = false;
        probes_answered_ = 0;
    }
    if (is_probing_) return Admission::refused;
    is_probing_ = true;
    return Admission::probe;
}

void CircuitBreaker::ended(Admission admitted, RoomOutcome outcome, std::int64_t now_ms) {
    if (admitted == Admission::probe) return probe_ended(outcome, now_ms);
    // Sent before it opened: what comes of it now is old news.
    if (state_ != State::closed || outcome == RoomOutcome::neither) return;
    outcomes_.add(now_ms);
    if (outcome == RoomOutcome::answered) return;
    failures_.add(now_ms);
    const std::int64_t failed = failures_.sum(now_ms);
    if (failed < limits_.failures_min) return;
    if (failed * 100 >= outcomes_.sum(now_ms) * limits_.failures_percent) open(now_ms);
}

void CircuitBreaker::probe_ended(RoomOutcome outcome, std::int64_t now_ms) {
    is_probing_ = false;
    if (outcome == RoomOutcome::failed) {
        open_ms_ = std::min(2 * open_ms_, limits_.open_max_ms);
        open(now_ms);
    } else if (outcome == RoomOutcome::answered && ++probes_answered_ >= limits_.probes_to_close) {
        state_ = State::closed;
        open_ms_ = limits_.open_ms;
        outcomes_.clear();
        failures_.clear();
    }
}

void CircuitBreaker::open(std::int64_t now_ms) {
    state_ = State::open;
    open_until_ms_ = now_ms + open_ms_;
}

std::int64_t CircuitBreaker::wait_ms(std::int64_t now_ms) const {
    // While a probe is under way nobody knows; then it is soon.
    return state_ == State::open ? std::max<std::int64_t>(open_until_ms_ - now_ms, 0) : 0;
}

}  // namespace gateway
