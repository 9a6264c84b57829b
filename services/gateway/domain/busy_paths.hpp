#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace gateway {

struct BusyLimits {
    std::size_t paths_max = 1024;   ///< remembered at once
    std::int64_t for_max_ms = 100;  ///< heeded at most, whatever a room says; 0: not at all
};

/// What rooms have just said no to, so that they are not asked the same again at once: a line that
/// is full stays so for a while, and whoever asks meanwhile is told at the door. Letters' case
/// makes no other path: else one sale would have as many as its id has spellings. Pure.
class BusyPaths {
  public:
    explicit BusyPaths(const BusyLimits& limits) : limits_(limits) {}

    /// A room answered that this is to be refused for `for_ms`. With paths_max remembered already a
    /// further one is not: its room goes on refusing by itself.
    void note(
        std::string_view method, std::string_view path, std::int64_t for_ms, std::int64_t now_ms
    );

    bool is_busy(std::string_view method, std::string_view path, std::int64_t now_ms) const;

  private:
    BusyLimits limits_;
    std::unordered_map<std::string, std::int64_t> until_ms_;  ///< by method and path
    std::int64_t latest_ms_ = 0;  ///< of until_ms_: nothing is looked up after it
};

}  // namespace gateway
