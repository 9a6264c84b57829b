#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace base {

std::string to_hex(std::span<const std::uint8_t> bytes);
std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text);

/// base64url without padding (RFC 4648, section 5). Reading refuses padding, other alphabets and
/// non-zero trailing bits, so that each byte string has exactly one text.
std::string to_base64url(std::span<const std::uint8_t> bytes);
std::optional<std::vector<std::uint8_t>> from_base64url(std::string_view text);

/// Compares without a data-dependent branch; the time depends on the lengths only.
bool secrets_equal(std::string_view left, std::string_view right);

}  // namespace base
