#pragma once

#include <chrono>

#include "net/net.hpp"

namespace net {

/// Keeps beginnings apart. Who comes after a pause of `interval_min` begins at once; only what
/// follows hard on the former beginning waits for the rest of the interval. Zero never waits.
/// Owned by one coroutine at a time.
class Pace {
  public:
    explicit Pace(std::chrono::milliseconds interval_min) : interval_min_(interval_min) {}

    /// Returns when the caller may begin.
    awaitable<void> turn();

  private:
    std::chrono::milliseconds interval_min_;
    SteadyClock::time_point began_;
};

}  // namespace net
