#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

namespace base {

/// The whole text in decimal digits, after a '-' if T has a sign; nullopt for anything else and for
/// what T can't hold.
template <std::integral T>
std::optional<T> whole_number(std::string_view text) {
    T number = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return number;
}

}  // namespace base
