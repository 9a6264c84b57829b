#include "net/batcher.hpp"

#include <stdexcept>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "net/event.hpp"
#include "testing/run_on_loop.hpp"

namespace {

using Numbers = net::Batcher<int, int>;

net::awaitable<void> submit(Numbers& numbers, int item, std::vector<int>& outcomes) {
    int outcome = 0;
    try {
        outcome = co_await numbers.submit(item);
    } catch (const std::runtime_error&) {
        outcome = -1;
    }
    outcomes.push_back(outcome);
}

class BatcherTest : public testing::Test {
  protected:
    net::awaitable<std::vector<int>> work(std::vector<int> items) {
        batches.push_back(items);
        co_await gate.wait();
        for (const int item : items) {
            if (item < 0) throw std::runtime_error("no negative numbers");
        }
        for (int& item : items) item *= 10;
        co_return items;
    }

    void submit_all(std::initializer_list<int> items) {
        for (const int item : items) {
            net::asio::co_spawn(loop, submit(numbers, item, outcomes), net::asio::detached);
        }
        turn();
    }

    void turn() {
        loop.restart();
        loop.poll();
    }

    void finish_batch() {
        gate.notify();
        turn();
    }

    net::asio::io_context loop;
    net::Event gate{loop.get_executor()};
    std::vector<std::vector<int>> batches;
    std::vector<int> outcomes;
    Numbers numbers{loop.get_executor(), 4, 3, [this](std::vector<int> items) {
                        return work(std::move(items));
                    }};
};

TEST_F(BatcherTest, WhatQueuedUpMeanwhileIsTheNextBatch) {
    submit_all({1});
    submit_all({2, 3, 4, 5});
    EXPECT_EQ(batches, (std::vector<std::vector<int>>{{1}}));
    EXPECT_FALSE(numbers.has_room());
    finish_batch();
    EXPECT_EQ(outcomes, (std::vector<int>{10}));
    EXPECT_EQ(batches.back(), (std::vector<int>{2, 3, 4})) << "at most three go together";
    finish_batch();
    finish_batch();
    EXPECT_EQ(outcomes, (std::vector<int>{10, 20, 30, 40, 50}));
    EXPECT_EQ(numbers.queued(), 0U);
}

TEST_F(BatcherTest, AFailureReachesEachCallerOfItsBatchOnly) {
    submit_all({-1});
    submit_all({7, 8});
    finish_batch();
    EXPECT_EQ(outcomes, (std::vector<int>{-1}));
    finish_batch();
    EXPECT_EQ(outcomes, (std::vector<int>{-1, 70, 80}));
}

TEST_F(BatcherTest, StartsAgainAfterItWasIdle) {
    submit_all({1});
    finish_batch();
    submit_all({2});
    finish_batch();
    EXPECT_EQ(outcomes, (std::vector<int>{10, 20}));
}

TEST(Batcher, TakesAlongWhoStillWaits) {
    const auto token = std::make_shared<int>();
    {
        net::asio::io_context loop;
        net::Event gate(loop.get_executor());
        const auto stuck = [&gate](std::vector<int> items) -> net::awaitable<std::vector<int>> {
            co_await gate.wait();
            co_return items;
        };
        Numbers numbers(loop.get_executor(), 4, 1, stuck);
        for (const int item : {1, 2}) {
            net::asio::co_spawn(loop, numbers.submit(item), [token](std::exception_ptr, int) {
                FAIL();
            });
        }
        loop.poll();
        ASSERT_EQ(numbers.queued(), 1U) << "one is under way, one waits";
        ASSERT_EQ(token.use_count(), 3);
    }
    EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
