#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/net.hpp"

namespace net {

/// A value that one coroutine waits for and somebody else sets once, on the same loop.
/// Copies share the state. Setting resumes the waiter before `set` returns (no queue hop), so the
/// caller must be ready for anything the waiter does. A second `set` is ignored.
/// There is no cancellation: whoever takes a OneShot must set it in the end.
template <class T>
class OneShot {
  public:
    OneShot() : state_(std::make_shared<State>()) {}

    void set(T value) const {
        auto state = state_;
        if (state->done) return;
        state->done = true;
        if (state->waiter) {
            auto waiter = std::exchange(state->waiter, nullptr);
            waiter(std::move(value));
        } else {
            state->value.emplace(std::move(value));
        }
    }

    /// Destroys the waiting coroutine instead of resuming it. Only for the destructor of a setter
    /// that its loop takes along: else waiter and value would keep each other alive for ever.
    void abandon() const {
        const auto state = state_;
        state->done = true;
        const auto waiter = std::exchange(state->waiter, nullptr);
    }

    bool is_set() const { return state_->done; }

    /// Waits for the value; at most one waiter, once.
    awaitable<T> wait() const {
        auto state = state_;
        if (state->value) co_return std::move(*state->value);
        // Named, not a temporary: within a co_await expression GCC 12 destroys a temporary lambda
        // twice, and with it what it captured.
        auto keep_waiter = [state](auto handler) { state->waiter = std::move(handler); };
        co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(T)>(
            std::move(keep_waiter), asio::use_awaitable
        );
    }

  private:
    struct State {
        std::optional<T> value;
        std::move_only_function<void(T)> waiter;
        bool done = false;
    };
    std::shared_ptr<State> state_;
};

}  // namespace net
