#include "net/watchdog.hpp"

#include <boost/asio/steady_timer.hpp>

namespace net {

struct Watchdog::State {
    State(const Executor& executor, std::function<void()> expiry)
        : timer(executor), on_expiry(std::move(expiry)) {}

    asio::steady_timer timer;
    std::function<void()> on_expiry;
    Deadline due = Deadline::max();
    Deadline armed = Deadline::max();
};

Watchdog::Watchdog(const Executor& executor, std::function<void()> on_expiry)
    : state_(std::make_shared<State>(executor, std::move(on_expiry))) {}

Watchdog::~Watchdog() {
    state_->on_expiry = nullptr;
    state_->due = Deadline::max();
    state_->timer.cancel();
}

void Watchdog::expire_at(Deadline deadline) {
    state_->due = deadline;
    if (deadline < state_->armed) arm(state_, deadline);
}

void Watchdog::disarm() {
    state_->due = Deadline::max();
}

void Watchdog::arm(const std::shared_ptr<State>& state, Deadline deadline) {
    state->armed = deadline;
    state->timer.expires_at(deadline);
    state->timer.async_wait([weak = std::weak_ptr(state)](boost::system::error_code error) {
        const auto woken = weak.lock();
        if (error || !woken || !woken->on_expiry) return;
        woken->armed = Deadline::max();
        if (woken->due <= SteadyClock::now()) {
            woken->due = Deadline::max();
            // A copy: what expires often destroys the watchdog and with it the function.
            const auto on_expiry = woken->on_expiry;
            on_expiry();
        } else if (woken->due != Deadline::max()) {
            arm(woken, woken->due);
        }
    });
}

}  // namespace net
