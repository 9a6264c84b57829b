#include "gateway/domain/busy_paths.hpp"

#include <algorithm>

#include "base/letter_case.hpp"

namespace gateway {

namespace {

std::string name_of(std::string_view method, std::string_view path) {
    std::string name;
    name.reserve(method.size() + path.size() + 1);
    name.append(method).append(" ");
    return name.append(base::lower_case(path));
}

}  // namespace

void BusyPaths::note(
    std::string_view method, std::string_view path, std::int64_t for_ms, std::int64_t now_ms
) {
    for_ms = std::min(for_ms, limits_.for_max_ms);
    if (for_ms <= 0) return;
    std::string name = name_of(method, path);
    if (until_ms_.size() >= limits_.paths_max && !until_ms_.contains(name)) {
        std::erase_if(until_ms_, [&](const auto& each) { return each.second <= now_ms; });
        if (until_ms_.size() >= limits_.paths_max) return;
    }
    until_ms_[std::move(name)] = now_ms + for_ms;
    latest_ms_ = std::max(latest_ms_, now_ms + for_ms);
}

bool BusyPaths::is_busy(std::string_view method, std::string_view path, std::int64_t now_ms) const {
    if (now_ms >= latest_ms_) return false;
    const auto found = until_ms_.find(name_of(method, path));
    return found != until_ms_.end() && now_ms < found->second;
}

}  // namespace gateway
