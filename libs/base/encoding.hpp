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

/// True if every byte of `text` belongs to a valid UTF-8 sequence.
bool is_utf8(std::string_view text);

/// Appends `text` as a JSON string literal, quotes included. Bytes that are not UTF-8 become
/// U+FFFD, so that what a stranger sent can't break a log line or an answer.
void append_json_string(std::string& out, std::string_view text);

/// Compares without a data-dependent branch; the time depends on the lengths only.
bool secrets_equal(std::string_view left, std::string_view right);

}  // namespace base
