#include "cli/preflight/clock_skew.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/timestamp.hpp"

namespace cli::preflight {

ClockOffset ClockOffset::of(
    double shown_ms, double resolution_ms, double asked_at_ms, double heard_at_ms
) {
    return {shown_ms - heard_at_ms, shown_ms + resolution_ms - asked_at_ms};
}

ClockOffset ClockOffset::with(const ClockOffset& other) const {
    const ClockOffset both{std::max(least_ms, other.least_ms), std::min(most_ms, other.most_ms)};
    return both.least_ms <= both.most_ms ? both : other;
}

Judgement judge_clock(const ClockOffset& offset) {
    // Only what is certain counts: a slow answer must not look like a wrong clock.
    double certain = 0;
    if (offset.least_ms > 0) certain = offset.least_ms;
    if (offset.most_ms < 0) certain = -offset.most_ms;
    const double middle = (offset.least_ms + offset.most_ms) / 2;
    std::string found = fmt::format(
        "{:+.0f} ms against this machine's clock (+-{:.0f})",
        middle,
        (offset.most_ms - offset.least_ms) / 2
    );
    const char* const fix =
        "let all machines follow the same time servers (chrony, "
        "systemd-timesyncd): timedatectl timesync-status";
    if (certain > skew_failed_ms) return failed(std::move(found), fix);
    if (certain > skew_warning_ms) return warning(std::move(found), fix);
    return ok(std::move(found));
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
    constexpr std::array<std::string_view, 12> months{
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
    };
    constexpr std::size_t length = std::string_view("Thu, 26 Nov 2026 10:00:00 GMT").size();
    if (text.size() != length || !text.ends_with(" GMT")) return std::nullopt;
    const auto month = std::ranges::find(months, text.substr(8, 3));
    if (month == months.end()) return std::nullopt;
    return base::parse_timestamp(fmt::format(
        "{}-{:02}-{}T{}Z",
        text.substr(12, 4),
        month - months.begin() + 1,
        text.substr(5, 2),
        text.substr(17, 8)
    ));
}

}  // namespace cli::preflight
