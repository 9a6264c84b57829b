#include "net/pace.hpp"

#include "net/event.hpp"

namespace net {

awaitable<void> Pace::turn() {
    if (interval_min_.count() == 0) co_return;
    const auto rest = began_ + interval_min_ - SteadyClock::now();
    if (rest.count() > 0) co_await sleep_for(std::chrono::ceil<std::chrono::milliseconds>(rest));
    began_ = SteadyClock::now();
}

}  // namespace net
