#include "testing/run_on_loop.hpp"

#include <string>

#include <gtest/gtest.h>

#include "net/event.hpp"

namespace testing {
namespace {

net::awaitable<std::string> say_later(std::string text) {
    co_await net::sleep_for(std::chrono::milliseconds(1));
    co_return text;
}

net::awaitable<void> set_later(bool& done) {
    co_await net::sleep_for(std::chrono::milliseconds(1));
    done = true;
}

net::awaitable<int> throw_later() {
    co_await net::sleep_for(std::chrono::milliseconds(1));
    throw std::logic_error("thrown in the coroutine");
}

net::awaitable<void> never_end() {
    while (true) co_await net::sleep_for(std::chrono::milliseconds(10));
}

TEST(RunOnLoop, ReturnsTheValue) {
    net::asio::io_context loop;
    EXPECT_EQ(run_on_loop(loop, say_later("first")), "first");
    EXPECT_EQ(run_on_loop(loop, say_later("again")), "again");
    bool done = false;
    run_on_loop(loop, set_later(done));
    EXPECT_TRUE(done);
}

TEST(RunOnLoop, ThrowsWhatTheCoroutineThrew) {
    net::asio::io_context loop;
    EXPECT_THROW(run_on_loop(loop, throw_later()), std::logic_error);
}

TEST(RunOnLoop, FailsWhenTheCoroutineDoesNotEnd) {
    net::asio::io_context loop;
    EXPECT_THROW(run_on_loop(loop, never_end(), std::chrono::seconds(1)), std::runtime_error);
}

}  // namespace
}  // namespace testing
