#include "net/event.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "testing/run_on_loop.hpp"

namespace {

using std::chrono::milliseconds;

net::awaitable<void> count_wake(net::Event& event, int& woken) {
    co_await event.wait();
    ++woken;
}

TEST(Event, WakesEveryoneWhoWaitsNow) {
    net::asio::io_context loop;
    net::Event event(loop.get_executor());
    int woken = 0;
    for (int each = 0; each < 3; ++each) {
        net::asio::co_spawn(loop, count_wake(event, woken), net::asio::detached);
    }
    loop.poll();
    EXPECT_EQ(woken, 0);
    event.notify();
    loop.restart();
    loop.run();
    EXPECT_EQ(woken, 3);
}

TEST(Event, WaitersHaveDeadlinesOfTheirOwn) {
    net::asio::io_context loop;
    net::Event event(loop.get_executor());
    int woken = 0;
    net::asio::co_spawn(loop, count_wake(event, woken), net::asio::detached);
    const bool notified =
        testing::run_on_loop(loop, event.wait_until(net::deadline_in(milliseconds(5))));
    EXPECT_FALSE(notified);
    EXPECT_EQ(woken, 0) << "a short deadline must not wake the others";
    event.notify();
    loop.restart();
    loop.run();
    EXPECT_EQ(woken, 1);
}

TEST(Event, LaterWaitersAreNotAffected) {
    net::asio::io_context loop;
    net::Event event(loop.get_executor());
    event.notify();
    EXPECT_FALSE(testing::run_on_loop(loop, event.wait_until(net::deadline_in(milliseconds(5)))));
}

TEST(Event, SurvivesTeardownBeforeItsWaiters) {
    auto loop = std::make_unique<net::asio::io_context>();
    auto event = std::make_unique<net::Event>(loop->get_executor());
    int woken = 0;
    net::asio::co_spawn(*loop, count_wake(*event, woken), net::asio::detached);
    loop->poll();
    event.reset();
    loop.reset();
    EXPECT_EQ(woken, 0);
}

}  // namespace
