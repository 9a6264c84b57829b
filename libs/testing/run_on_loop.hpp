#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "net/net.hpp"

namespace testing {

/// Runs a coroutine to its end on a loop of its own and returns its value or throws what it threw.
/// Fails after `limit` so that a hanging test names itself.
template <class T>
T run_on_loop(
    net::asio::io_context& loop,
    net::awaitable<T> work,
    std::chrono::seconds limit = std::chrono::seconds(60)
) {
    std::exception_ptr failure;
    std::optional<T> value;
    bool done = false;
    net::asio::co_spawn(loop, std::move(work), [&](std::exception_ptr error, T result) {
        failure = error;
        if (!error) value.emplace(std::move(result));
        done = true;
    });
    loop.restart();
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!done && std::chrono::steady_clock::now() < end) {
        loop.run_one_until(end);
    }
    if (!done) throw std::runtime_error("the coroutine did not end in time");
    if (failure) std::rethrow_exception(failure);
    return std::move(*value);
}

inline void run_on_loop(
    net::asio::io_context& loop,
    net::awaitable<void> work,
    std::chrono::seconds limit = std::chrono::seconds(60)
) {
    std::exception_ptr failure;
    bool done = false;
    net::asio::co_spawn(loop, std::move(work), [&](std::exception_ptr error) {
        failure = error;
        done = true;
    });
    loop.restart();
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!done && std::chrono::steady_clock::now() < end) loop.run_one_until(end);
    if (!done) throw std::runtime_error("the coroutine did not end in time");
    if (failure) std::rethrow_exception(failure);
}

}  // namespace testing
