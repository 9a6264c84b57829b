#include "net/event.hpp"

#include <algorithm>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace net {

void Event::notify() {
    auto woken = std::move(*waiting_);
    waiting_->clear();
    for (Sleeper* sleeper : woken) {
        sleeper->notified = true;
        sleeper->timer.cancel();
    }
}

awaitable<bool> Event::wait_until(Deadline deadline) {
    struct Leaving {
        std::shared_ptr<Waiting> waiting;
        Sleeper* sleeper;
        ~Leaving() { std::erase(*waiting, sleeper); }
    };
    Sleeper sleeper{asio::steady_timer(executor_, deadline)};
    waiting_->push_back(&sleeper);
    const Leaving leaving{waiting_, &sleeper};
    co_await sleeper.timer.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return sleeper.notified;
}

awaitable<void> Event::wait() {
    co_await wait_until(Deadline::max());
}

awaitable<void> sleep_for(std::chrono::milliseconds time) {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, time);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace net
