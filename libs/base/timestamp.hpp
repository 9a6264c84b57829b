#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace base {

/// Milliseconds since 1970-01-01T00:00:00Z by this machine's clock.
std::int64_t unix_now_ms();

/// RFC 3339 in UTC with milliseconds: 2026-11-22T10:00:00.000Z. Times outside the years 0000 to
/// 9999, which the format can't hold, become the nearest one it can.
std::string format_timestamp(std::int64_t unix_ms);

/// Reads RFC 3339 with any offset, to the millisecond; nullopt if malformed or not a real date.
/// Leap seconds (:60) are refused: no clock we compare with has them.
std::optional<std::int64_t> parse_timestamp(std::string_view text);

}  // namespace base
