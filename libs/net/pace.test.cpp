#include "net/pace.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "net/event.hpp"
#include "testing/run_on_loop.hpp"

namespace net {
namespace {

using std::chrono::milliseconds;

awaitable<milliseconds> time_of_turns(milliseconds interval, milliseconds pause, int turns) {
    Pace pace(interval);
    co_await pace.turn();
    milliseconds spent{0};
    for (int turn = 0; turn < turns; ++turn) {
        if (pause.count() > 0) co_await sleep_for(pause);
        const auto begin = SteadyClock::now();
        co_await pace.turn();
        spent += std::chrono::duration_cast<milliseconds>(SteadyClock::now() - begin);
    }
    co_return spent;
}

milliseconds waited(milliseconds interval, milliseconds pause, int turns) {
    asio::io_context loop;
    return testing::run_on_loop(loop, time_of_turns(interval, pause, turns));
}

TEST(Pace, KeepsBeginningsApart) {
    EXPECT_GE(waited(milliseconds(20), milliseconds(0), 3), milliseconds(57));
}

TEST(Pace, LetsTheNextBeginAtOnceAfterAPause) {
    EXPECT_LT(waited(milliseconds(500), milliseconds(501), 1), milliseconds(250));
}

TEST(Pace, NeverWaitsWithoutAnInterval) {
    EXPECT_LT(waited(milliseconds(0), milliseconds(0), 1000), milliseconds(250));
}

}  // namespace
}  // namespace net
