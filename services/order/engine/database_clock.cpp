#include "order/engine/database_clock.hpp"

#include "base/timestamp.hpp"
#include "net/event.hpp"

namespace order {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds measure_every(1000);
constexpr milliseconds measure_timeout(500);

std::int64_t steady_us(net::Deadline moment) {
    return std::chrono::duration_cast<std::chrono::microseconds>(moment.time_since_epoch()).count();
}

}  // namespace

net::awaitable<void> DatabaseClock::run() {
    for (;;) {
        try {
            const auto sent = net::SteadyClock::now();
            const std::int64_t database_us =
                co_await store_.clock_us(net::deadline_in(measure_timeout));
            const auto answered = net::SteadyClock::now();
            offset_us_ = database_us - steady_us(sent + (answered - sent) / 2);
            measured_ = true;
        } catch (const base::NeighbourError&) {
            // The last offset stays: clocks drift by microseconds a second.
        }
        co_await net::sleep_for(measure_every);
    }
}

std::int64_t DatabaseClock::now_us() const {
    return at_us(net::SteadyClock::now());
}

std::int64_t DatabaseClock::at_us(net::Deadline moment) const {
    if (measured_) return steady_us(moment) + offset_us_;
    const std::int64_t from_now_us = steady_us(moment) - steady_us(net::SteadyClock::now());
    return base::unix_now_ms() * 1000 + from_now_us;
}

}  // namespace order
