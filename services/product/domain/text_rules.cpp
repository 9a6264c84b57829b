#include "product/domain/text_rules.hpp"

#include <algorithm>
#include <cstdint>

namespace product {
namespace {

constexpr std::size_t key_bytes_max = 128;

/// The length of the well-formed character that `text` begins with, 0 if there is none
/// (The Unicode Standard, table 3-7).
std::size_t character_length(std::string_view text) {
    const auto byte = [&](std::size_t index) { return static_cast<std::uint8_t>(text[index]); };
    const auto continues = [&](std::size_t index, std::uint8_t low, std::uint8_t high) {
        return index < text.size() && byte(index) >= low && byte(index) <= high;
    };
    const std::uint8_t first = byte(0);
    if (first < 0x80) return 1;
    if (first < 0xC2 || first > 0xF4) return 0;
    if (first < 0xE0) return continues(1, 0x80, 0xBF) ? 2 : 0;
    if (first < 0xF0) {
        const std::uint8_t low = first == 0xE0 ? 0xA0 : 0x80;
        const std::uint8_t high = first == 0xED ? 0x9F : 0xBF;
        return continues(1, low, high) && continues(2, 0x80, 0xBF) ? 3 : 0;
    }
    const std::uint8_t low = first == 0xF0 ? 0x90 : 0x80;
    const std::uint8_t high = first == 0xF4 ? 0x8F : 0xBF;
    return continues(1, low, high) && continues(2, 0x80, 0xBF) && continues(3, 0x80, 0xBF) ? 4 : 0;
}

bool is_control(char character, bool lines) {
    if (lines && (character == '\n' || character == '\r' || character == '\t')) return false;
    const auto byte = static_cast<std::uint8_t>(character);
    return byte < 0x20 || byte == 0x7F;
}

}  // namespace

bool is_plain_text(std::string_view text, bool lines) {
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        if (length == 0 || (length == 1 && is_control(text.front(), lines))) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::size_t characters_in(std::string_view text) {
    const auto begins = [](char byte) { return (static_cast<std::uint8_t>(byte) & 0xC0) != 0x80; };
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins));
}

bool is_key(std::string_view text) {
    const auto visible = [](char character) { return character > ' ' && character < '\x7F'; };
    return !text.empty() && text.size() <= key_bytes_max &&
           std::all_of(text.begin(), text.end(), visible);
}

bool is_currency(std::string_view text) {
    const auto capital = [](char character) { return character >= 'A' && character <= 'Z'; };
    return text.size() == 3 && std::all_of(text.begin(), text.end(), capital);
}

}  // namespace product
