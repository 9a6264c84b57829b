#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace gateway {

/// How often something happened within the last `window_ms`, give or take a tenth of that.
class RecentCounts {
  public:
    explicit RecentCounts(std::int64_t window_ms);

    void add(std::int64_t now_ms);
    std::int64_t sum(std::int64_t now_ms) const;
    void clear() { slots_ = {}; }

  private:
    struct Slot {
        std::int64_t number = -1;  ///< of the tenth of a window, since the clock's zero
        std::int64_t count = 0;
    };
    static constexpr std::int64_t slots_per_window = 10;

    std::int64_t slot_ms_;
    std::array<Slot, slots_per_window> slots_{};
};

}  // namespace gateway
