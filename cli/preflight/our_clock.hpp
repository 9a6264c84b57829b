#pragma once

#include <chrono>

namespace cli::preflight {

/// Milliseconds since 1970 by this machine's clock, with their fraction.
inline double our_clock_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration<double, std::milli>(now).count();
}

}  // namespace cli::preflight
