#pragma once

#include <chrono>

#include <boost/asio/steady_timer.hpp>

#include "net/net.hpp"

namespace net {

/// Lets coroutines of one loop sleep until somebody says that something changed.
class Event {
  public:
    explicit Event(const Executor& executor) : timer_(executor) {}

    /// Wakes every coroutine that waits now; later waiters are not affected.
    void notify() { timer_.cancel(); }

    /// Returns true when notified, false when the deadline came first.
    awaitable<bool> wait_until(Deadline deadline);
    awaitable<void> wait();

  private:
    asio::steady_timer timer_;
};

/// Sleeps on the loop of the calling coroutine.
awaitable<void> sleep_for(std::chrono::milliseconds time);

}  // namespace net
