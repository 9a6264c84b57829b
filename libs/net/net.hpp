#pragma once

#include <chrono>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace net {

namespace asio = boost::asio;

template <class T>
using awaitable = asio::awaitable<T>;

/// Every process runs one event loop on one thread (ADR 0002); nothing under libs/ or services/
/// locks. The executor is always that loop's.
using Executor = asio::any_io_executor;

using SteadyClock = std::chrono::steady_clock;
using Deadline = SteadyClock::time_point;

inline Deadline deadline_in(std::chrono::milliseconds time) {
    return SteadyClock::now() + time;
}

/// Whole milliseconds left, 0 when past.
inline std::chrono::milliseconds time_left(Deadline deadline) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now());
    return left.count() > 0 ? left : std::chrono::milliseconds(0);
}

}  // namespace net
