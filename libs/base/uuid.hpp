#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace base {

/// A 128-bit identifier. A plain value: 16 bytes, compared byte by byte.
struct Uuid {
    std::array<std::uint8_t, 16> bytes{};

    auto operator<=>(const Uuid&) const = default;

    /// Reads the canonical 36-character form, upper or lower case; anything else is nullopt.
    static std::optional<Uuid> parse(std::string_view text);

    /// The canonical lower-case form.
    std::string to_string() const;

    bool is_nil() const { return *this == Uuid{}; }
};

/// Makes time-ordered ids (RFC 9562, version 7): 48 bits of milliseconds, then a counter that
/// keeps ids of one generator ascending within a millisecond, then random bits.
/// One generator per event loop; not thread-safe.
class UuidGenerator {
  public:
    UuidGenerator();

    /// `unix_ms`: the time to stamp. A clock that steps back does not make ids step back.
    Uuid next(std::int64_t unix_ms);

  private:
    std::int64_t last_ms_ = 0;
    std::uint32_t counter_ = 0;
    std::array<std::uint8_t, 512> random_{};
    std::size_t random_used_ = 512;
};

}  // namespace base

template <>
struct std::hash<base::Uuid> {
    std::size_t operator()(const base::Uuid& id) const noexcept;
};
