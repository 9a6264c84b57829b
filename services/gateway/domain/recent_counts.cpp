#include "gateway/domain/recent_counts.hpp"

#include <algorithm>

namespace gateway {

RecentCounts::RecentCounts(std::int64_t window_ms)
    : slot_ms_(std::max<std::int64_t>(window_ms / slots_per_window, 1)) {}

void RecentCounts::add(std::int64_t now_ms) {
    const std::int64_t number = now_ms / slot_ms_;
    Slot& slot = slots_[static_cast<std::size_t>(number % slots_per_window)];
    if (slot.number != number) slot = {number, 0};
    ++slot.count;
}

std::int64_t RecentCounts::sum(std::int64_t now_ms) const {
    const std::int64_t oldest = now_ms / slot_ms_ - slots_per_window + 1;
    std::int64_t total = 0;
    for (const Slot& slot : slots_) {
        if (slot.number >= oldest) total += slot.count;
    }
    return total;
}

}  // namespace gateway
