#include "net/watchdog.hpp"

#include <memory>

#include <gtest/gtest.h>

#include "net/event.hpp"
#include "testing/run_on_loop.hpp"

namespace {

using std::chrono::milliseconds;

class WatchdogTest : public testing::Test {
  protected:
    void run_for(int time_ms) { testing::run_on_loop(loop, net::sleep_for(milliseconds(time_ms))); }

    net::asio::io_context loop;
    int barks = 0;
    net::Watchdog watchdog{loop.get_executor(), [this] { ++barks; }};
};

TEST_F(WatchdogTest, BarksOnce) {
    watchdog.expire_at(net::deadline_in(milliseconds(5)));
    run_for(30);
    EXPECT_EQ(barks, 1);
}

TEST_F(WatchdogTest, FollowsItsDeadlineBothWays) {
    watchdog.expire_at(net::deadline_in(milliseconds(10)));
    watchdog.expire_at(net::deadline_in(milliseconds(10000)));
    run_for(30);
    EXPECT_EQ(barks, 0);
    watchdog.expire_at(net::deadline_in(milliseconds(10)));
    run_for(40);
    EXPECT_EQ(barks, 1);
}

TEST_F(WatchdogTest, IsSilentWhenDisarmed) {
    watchdog.expire_at(net::deadline_in(milliseconds(5)));
    watchdog.disarm();
    run_for(30);
    EXPECT_EQ(barks, 0);
}

TEST_F(WatchdogTest, MayBeDestroyedByWhatItCalls) {
    std::unique_ptr<net::Watchdog> own;
    own = std::make_unique<net::Watchdog>(loop.get_executor(), [&] {
        own.reset();
        ++barks;
    });
    own->expire_at(net::deadline_in(milliseconds(5)));
    run_for(30);
    EXPECT_EQ(barks, 1);
    EXPECT_FALSE(own);
}

}  // namespace
