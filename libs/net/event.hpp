#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "net/net.hpp"

namespace net {

/// Lets coroutines of one loop sleep until somebody says that something changed.
class Event {
  public:
    explicit Event(const Executor& executor)
        : executor_(executor), waiting_(std::make_shared<Waiting>()) {}

    /// Wakes every coroutine that waits now; later waiters are not affected.
    void notify();

    /// Returns true when notified, false when the deadline came first.
    awaitable<bool> wait_until(Deadline deadline);
    awaitable<void> wait();

  private:
    struct Sleeper {
        asio::steady_timer timer;
        bool notified = false;
    };
    /// Shared with the sleepers, whose frames may outlive the event when a loop is torn down.
    using Waiting = std::vector<Sleeper*>;

    Executor executor_;
    std::shared_ptr<Waiting> waiting_;
};

/// Sleeps on the loop of the calling coroutine.
awaitable<void> sleep_for(std::chrono::milliseconds time);

}  // namespace net
