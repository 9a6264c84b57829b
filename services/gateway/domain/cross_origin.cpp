#include "gateway/domain/cross_origin.hpp"

#include <algorithm>

namespace gateway {

namespace {

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_origin(std::string_view text) {
    std::string_view rest = text;
    if (rest.starts_with("https://")) {
        rest.remove_prefix(8);
        if (rest.ends_with(":443")) return false;
    } else if (rest.starts_with("http://")) {
        rest.remove_prefix(7);
        if (rest.ends_with(":80")) return false;
    } else {
        return false;
    }
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789-.:[]_";
    return !rest.empty() && rest.find_first_not_of(letters) == std::string_view::npos;
}

}  // namespace

CrossOrigin CrossOrigin::parse(std::string_view list, std::string& wrong_part) {
    CrossOrigin allowed;
    while (!list.empty()) {
        const auto comma = std::min(list.find(','), list.size());
        const auto part = trim(list.substr(0, comma));
        list.remove_prefix(std::min(comma + 1, list.size()));
        if (part.empty()) continue;
        if (part == "*") {
            allowed.allows_all_ = true;
        } else if (is_origin(part)) {
            allowed.origins_.emplace_back(part);
        } else {
            wrong_part = part;
            break;
        }
    }
    return allowed;
}

bool CrossOrigin::allows(std::string_view origin) const {
    return allows_all_ || std::ranges::find(origins_, origin) != origins_.end();
}

}  // namespace gateway
