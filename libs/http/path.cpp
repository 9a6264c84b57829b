#include "http/path.hpp"

#include <algorithm>
#include <cstdint>

#include "base/encoding.hpp"

namespace http {

namespace {

int hex_digit(char letter) {
    if (letter >= '0' && letter <= '9') return letter - '0';
    if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
    if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
    return -1;
}

bool has_dot_segment(std::string_view path) {
    while (!path.empty()) {
        const auto end = std::min(path.find('/'), path.size());
        const auto segment = path.substr(0, end);
        if (segment == "." || segment == "..") return true;
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return false;
}

/// Nothing is encoded, and nothing of what makes a path invalid can be in it: nearly every path.
bool stands_for_itself(std::string_view path) {
    char before = '/';
    for (const char letter : path) {
        if (letter <= ' ' || letter > '~' || letter == '%' || letter == '\\') return false;
        if (letter == '.' && before == '/') return false;
        before = letter;
    }
    return true;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, PlusMeans plus) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '+' && plus == PlusMeans::space) {
            out.push_back(' ');
        } else if (text[at] != '%') {
            out.push_back(text[at]);
        } else {
            if (at + 2 >= text.size()) return std::nullopt;
            const int high = hex_digit(text[at + 1]);
            const int low = hex_digit(text[at + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            out.push_back(static_cast<char>(high * 16 + low));
            at += 2;
        }
    }
    return out;
}

std::optional<std::string> decode_path(std::string_view raw_path) {
    if (raw_path.empty() || raw_path.front() != '/') return std::nullopt;
    if (stands_for_itself(raw_path)) return std::string(raw_path);
    const auto slashes = std::ranges::count(raw_path, '/');
    auto path = percent_decode(raw_path, PlusMeans::plus);
    if (!path || std::ranges::count(*path, '/') != slashes) return std::nullopt;
    const bool has_control = std::ranges::any_of(*path, [](char letter) {
        const auto byte = static_cast<std::uint8_t>(letter);
        return byte < 0x20 || byte == 0x7F || byte == '\\';
    });
    if (has_control || has_dot_segment(*path) || !base::is_utf8(*path)) return std::nullopt;
    return path;
}

}  // namespace http
