#include "net/one_shot.hpp"

#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "testing/run_on_loop.hpp"

namespace {

net::awaitable<void> keep(net::OneShot<std::string> reply, std::string& kept) {
    kept = co_await reply.wait();
}

TEST(OneShot, GivesAValueThatWasSetBefore) {
    net::asio::io_context loop;
    net::OneShot<std::string> reply;
    reply.set("early");
    EXPECT_TRUE(reply.is_set());
    EXPECT_EQ(testing::run_on_loop(loop, reply.wait()), "early");
}

TEST(OneShot, ResumesTheWaiterBeforeSetReturns) {
    net::asio::io_context loop;
    net::OneShot<std::string> reply;
    std::string kept;
    net::asio::co_spawn(loop, keep(reply, kept), net::asio::detached);
    loop.poll();
    EXPECT_EQ(kept, "");
    reply.set("late");
    EXPECT_EQ(kept, "late");
    loop.restart();
    loop.run();
}

TEST(OneShot, IgnoresASecondValue) {
    net::asio::io_context loop;
    net::OneShot<std::string> reply;
    reply.set("first");
    reply.set("second");
    EXPECT_EQ(testing::run_on_loop(loop, reply.wait()), "first");
}

TEST(OneShot, AbandonsItsWaiterWithoutResumingIt) {
    net::asio::io_context loop;
    net::OneShot<std::string> reply;
    std::string kept = "nothing";
    net::asio::co_spawn(loop, keep(reply, kept), net::asio::detached);
    loop.poll();
    reply.abandon();
    reply.set("too late");
    EXPECT_EQ(kept, "nothing");
}

}  // namespace
