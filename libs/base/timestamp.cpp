#include "base/timestamp.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace base {

namespace {

constexpr std::int64_t day_ms = 86'400'000;

std::int64_t days_since_epoch(int year, unsigned month, unsigned day) {
    const std::chrono::year_month_day date{
        std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)
    };
    return std::chrono::sys_days(date).time_since_epoch().count();
}

/// Takes characters off the front of a text; every method is false or nullopt if they don't fit.
class Reader {
  public:
    explicit Reader(std::string_view text) : rest_(text) {}

    bool at_end() const { return rest_.empty(); }

    bool take(char wanted, char or_this) {
        if (rest_.empty() || (rest_[0] != wanted && rest_[0] != or_this)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool take(char wanted) { return take(wanted, wanted); }

    bool number(std::size_t digits, int low, int high, int& out) {
        if (rest_.size() < digits) return false;
        out = 0;
        for (const char digit : rest_.substr(0, digits)) {
            if (digit < '0' || digit > '9') return false;
            out = out * 10 + (digit - '0');
        }
        rest_.remove_prefix(digits);
        return out >= low && out <= high;
    }

    /// The digits after the decimal point, cut to milliseconds.
    bool fraction_ms(int& out) {
        const std::size_t digits = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
        if (digits == 0) return false;
        out = 0;
        for (std::size_t i = 0; i < 3; ++i) out = out * 10 + (i < digits ? rest_[i] - '0' : 0);
        rest_.remove_prefix(digits);
        return true;
    }

    bool offset_minutes(int& out) {
        out = 0;
        if (take('Z', 'z')) return true;
        const bool behind = !rest_.empty() && rest_[0] == '-';
        int hours = 0;
        int minutes = 0;
        if (!take('+', '-') || !number(2, 0, 23, hours)) return false;
        if (!take(':') || !number(2, 0, 59, minutes)) return false;
        out = (hours * 60 + minutes) * (behind ? -1 : 1);
        return true;
    }

  private:
    std::string_view rest_;
};

}  // namespace

std::int64_t unix_now_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::string format_timestamp(std::int64_t unix_ms) {
    static const std::int64_t lowest = days_since_epoch(0, 1, 1) * day_ms;
    static const std::int64_t highest = days_since_epoch(10'000, 1, 1) * day_ms - 1;
    const std::chrono::sys_time<std::chrono::milliseconds> time{
        std::chrono::milliseconds(std::clamp(unix_ms, lowest, highest))
    };
    const auto midnight = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(midnight);
    const std::int64_t in_day_ms = (time - midnight).count();
    return fmt::format(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()),
        in_day_ms / 3'600'000,
        in_day_ms / 60'000 % 60,
        in_day_ms / 1'000 % 60,
        in_day_ms % 1'000
    );
}

std::optional<std::int64_t> parse_timestamp(std::string_view text) {
    Reader reader(text);
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, fraction_ms = 0;
    if (!reader.number(4, 0, 9999, year) || !reader.take('-')) return std::nullopt;
    if (!reader.number(2, 1, 12, month) || !reader.take('-')) return std::nullopt;
    if (!reader.number(2, 1, 31, day) || !reader.take('T', 't')) return std::nullopt;
    if (!reader.number(2, 0, 23, hour) || !reader.take(':')) return std::nullopt;
    if (!reader.number(2, 0, 59, minute) || !reader.take(':')) return std::nullopt;
    if (!reader.number(2, 0, 59, second)) return std::nullopt;
    if (reader.take('.') && !reader.fraction_ms(fraction_ms)) return std::nullopt;
    int offset_minutes = 0;
    if (!reader.offset_minutes(offset_minutes) || !reader.at_end()) return std::nullopt;

    const auto real_month = std::chrono::year(year) / month;
    if (std::chrono::day(day) > (real_month / std::chrono::last).day()) return std::nullopt;
    const std::int64_t days = days_since_epoch(year, month, day);
    const std::int64_t minutes = hour * 60 + minute - offset_minutes;
    return days * day_ms + minutes * 60'000 + second * 1'000 + fraction_ms;
}

}  // namespace base
