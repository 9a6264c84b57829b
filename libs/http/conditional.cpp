#include "http/conditional.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "base/assertion.hpp"

namespace http {

namespace {

constexpr std::string_view coded_end = "-gzip\"";
constexpr std::string_view spaces = " \t";

struct Tag {
    bool is_weak = false;
    std::string_view opaque;  ///< with its quotes
};

bool is_tag_letter(char letter) {
    const auto byte = static_cast<std::uint8_t>(letter);
    return byte >= 0x21 && byte != '"' && byte != 0x7F;
}

void skip(std::string_view& text, std::string_view letters) {
    text.remove_prefix(std::min(text.find_first_not_of(letters), text.size()));
}

/// Takes the next tag off the front; nullopt, and nothing left, if none can be read.
std::optional<Tag> next_tag(std::string_view& list) {
    skip(list, " \t,");
    Tag tag;
    if (list.starts_with("W/")) {
        tag.is_weak = true;
        list.remove_prefix(2);
    }
    const auto end = list.starts_with('"') ? list.find('"', 1) : std::string_view::npos;
    if (end == std::string_view::npos) {
        list = {};
        return std::nullopt;
    }
    tag.opaque = list.substr(0, end + 1);
    list.remove_prefix(end + 1);
    skip(list, spaces);
    if (!list.empty() && list.front() != ',') {
        list = {};
        return std::nullopt;
    }
    return tag;
}

bool is_any(std::string_view list) {
    skip(list, spaces);
    const auto last = list.find_last_not_of(spaces);
    return last == 0 && list.front() == '*';
}

template <class Same>
bool is_listed(std::string_view list, Same same) {
    if (is_any(list)) return true;
    while (!list.empty()) {
        const auto tag = next_tag(list);
        if (tag && same(*tag)) return true;
    }
    return false;
}

}  // namespace

std::string strong_tag(std::string_view version) {
    DOORBUSTER_ASSERT(std::ranges::all_of(version, is_tag_letter));
    std::string tag;
    tag.reserve(version.size() + 2);
    tag.append("\"").append(version).append("\"");
    return tag;
}

std::string tag_of(std::string_view body) {
    constexpr std::uint64_t offset_basis = 0xcbf29ce484222325;
    constexpr std::uint64_t prime = 0x100000001b3;
    std::uint64_t hash = offset_basis;
    for (const char letter : body) hash = (hash ^ static_cast<std::uint8_t>(letter)) * prime;
    std::array<char, 40> text{};
    const auto size = std::to_chars(text.begin(), text.end(), body.size(), 16);
    *size.ptr = '-';
    const auto end = std::to_chars(size.ptr + 1, text.end(), hash, 16);
    return strong_tag({text.data(), end.ptr});
}

bool matches_weakly(std::string_view list, std::string_view tag) {
    const auto mine = next_tag(tag);
    return mine && is_listed(list, [&](const Tag& each) { return each.opaque == mine->opaque; });
}

bool matches_strongly(std::string_view list, std::string_view tag) {
    const auto mine = next_tag(tag);
    if (!mine || mine->is_weak) return false;
    return is_listed(list, [&](const Tag& each) {
        return !each.is_weak && each.opaque == mine->opaque;
    });
}

bool knows_version(const Request& request, std::string_view tag) {
    return std::ranges::any_of(request.headers, [&](const Headers::Field& field) {
        return equal_ignoring_case(field.first, "If-None-Match") &&
               matches_weakly(field.second, tag);
    });
}

Response not_modified(std::string tag) {
    Response response{.status = 304};
    response.headers.add("ETag", std::move(tag));
    return response;
}

std::string with_coding(std::string_view tag) {
    std::string coded(tag);
    if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') {
        coded.replace(coded.size() - 1, 1, coded_end);
    }
    return coded;
}

bool take_coding_off(std::string& list) {
    bool found = false;
    for (auto at = list.find(coded_end); at != std::string::npos; at = list.find(coded_end, at)) {
        list.replace(at, coded_end.size(), "\"");
        found = true;
    }
    return found;
}

}  // namespace http
