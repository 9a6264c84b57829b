#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "cli/preflight/finding.hpp"

namespace cli::preflight {

/// From when on a clock that differs from ours is a warning, or a failure: holds, sale windows and
/// access tokens (5 s leeway) are decided by different machines' clocks.
inline constexpr double skew_warning_ms = 250;
inline constexpr double skew_failed_ms = 2000;

/// By how much a clock may be ahead of ours (negative: behind). What an exchange can tell is a
/// range: the answer was made at some time between asking and hearing.
struct ClockOffset {
    double least_ms = 0;
    double most_ms = 0;

    /// Of a clock that showed `shown_ms`, as exact as `resolution_ms`, at a time between two of
    /// ours.
    static ClockOffset of(
        double shown_ms, double resolution_ms, double asked_at_ms, double heard_at_ms
    );
    /// What two exchanges tell together; the other one alone if they contradict each other, as
    /// when a clock was set in between.
    ClockOffset with(const ClockOffset& other) const;
};

Judgement judge_clock(const ClockOffset& offset);

/// The time of a Date header (RFC 9110: "Thu, 26 Nov 2026 10:00:00 GMT"), Unix milliseconds.
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace cli::preflight
