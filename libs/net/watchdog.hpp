#pragma once

#include <functional>
#include <memory>

#include "net/net.hpp"

namespace net {

/// A deadline that moves all the time, for the price of a store: moving it later doesn't touch the
/// timer, which looks again when it fires. One per connection; owned by one loop.
class Watchdog {
  public:
    Watchdog(const Executor& executor, std::function<void()> on_expiry);
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    /// Replaces the deadline. `on_expiry` is called once, on the loop, never from here.
    void expire_at(Deadline deadline);
    void disarm();

  private:
    struct State;
    static void arm(const std::shared_ptr<State>& state, Deadline deadline);

    std::shared_ptr<State> state_;
};

}  // namespace net
