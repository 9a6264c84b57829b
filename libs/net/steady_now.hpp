#pragma once

#include <chrono>
#include <cstdint>

#include "net/net.hpp"

// The loop's clock as a number, for what is pure and knows no clock of its own. Its zero is
// anywhere.

namespace net {

inline std::int64_t steady_now_us() {
    const auto now = SteadyClock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

inline std::int64_t steady_now_ms() {
    return steady_now_us() / 1000;
}

}  // namespace net
