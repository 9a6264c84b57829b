#include <map>

#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "order/store/test_shop.hpp"
#include "testing/temporary_postgres.hpp"

namespace order {
namespace {

using Milliseconds = std::chrono::milliseconds;

net::awaitable<void> pause_for(Milliseconds time) {
    net::asio::steady_timer timer(co_await net::asio::this_coro::executor, time);
    co_await timer.async_wait(net::asio::use_awaitable);
}

/// What all buyers of one test share.
struct Crowd {
    TestShop& shop;
    base::Uuid sale;
    std::vector<base::Uuid> customers{};
    std::vector<Take> sent{};    ///< to be sent again now and then
    std::vector<Take> bought{};  ///< to be paid, given back or left alone
    std::map<base::Uuid, base::Uuid> order_of_key{};
    int contradictions = 0;
    int running = 0;
    net::Deadline end{};
};

/// Sends random batches over a connection of its own, as a pod with or without the lease.
class Buyer {
  public:
    Buyer(Crowd& crowd, std::uint64_t seed) : crowd_(crowd), random_(seed) {}

    net::awaitable<void> buy() {
        const auto connection = co_await crowd_.shop.room().acquire(TestShop::soon());
        while (net::SteadyClock::now() < crowd_.end) {
            if (random_.between(0, 40) == 0) {
                co_await crowd_.shop.sales.raise_fence(*connection, crowd_.sale, TestShop::soon());
            }
            const auto seen = co_await crowd_.shop.sales.read(crowd_.sale, TestShop::soon());
            co_await send_batch(*connection, seen->standing.fence);
        }
        --crowd_.running;
    }

    /// Pays: approved, declined, or never heard of again.
    net::awaitable<void> pay() {
        constexpr std::int64_t paying_ms = 15;
        while (net::SteadyClock::now() < crowd_.end) {
            co_await pause_for(Milliseconds(1));
            if (crowd_.bought.empty()) continue;
            std::vector<PaymentStore::BeginRequest> requests;
            for (int count = 0; count < 3; ++count) {
                const Take take = any(crowd_.bought);
                requests.push_back({take.order_id, take.customer_id});
            }
            const auto begun =
                co_await crowd_.shop.payments.begin(requests, paying_ms, TestShop::soon());
            std::vector<PaymentStore::FinishRequest> verdicts;
            for (const PayStartResult& start : begun) {
                if (start.outcome != PayStart::started || random_.between(0, 4) == 0) continue;
                verdicts.push_back(
                    {start.attempt.order_id,
                     start.attempt.n,
                     random_.between(0, 2) == 0 ? ChargeVerdict::declined : ChargeVerdict::approved}
                );
            }
            co_await pause_for(Milliseconds(random_.between(0, 2 * paying_ms)));
            co_await crowd_.shop.payments.finish(verdicts, TestShop::soon());
        }
        --crowd_.running;
    }

    net::awaitable<void> chase() {
        while (net::SteadyClock::now() < crowd_.end) {
            co_await crowd_.shop.payments.lapse(10, TestShop::soon());
            const auto due = co_await crowd_.shop.payments.claim_due(5, 50, TestShop::soon());
            co_await crowd_.shop.payments.confirm_due(due, TestShop::soon());
            co_await pause_for(Milliseconds(3));
        }
        --crowd_.running;
    }

    net::awaitable<void> control() {
        const base::Uuid actor = crowd_.shop.new_id();
        while (net::SteadyClock::now() < crowd_.end) {
            co_await pause_for(Milliseconds(random_.between(50, 200)));
            co_await crowd_.shop.sales.control(
                crowd_.sale, SaleAction::pause, actor, TestShop::soon()
            );
            co_await crowd_.shop.sales.control(
                crowd_.sale, SaleAction::resume, actor, TestShop::soon()
            );
        }
        --crowd_.running;
    }

  private:
    template <class T>
    const T& any(const std::vector<T>& values) {
        const auto last = static_cast<std::int64_t>(values.size()) - 1;
        return values.at(static_cast<std::size_t>(random_.between(0, last)));
    }

    net::awaitable<void> send_batch(postgres::Connection& connection, std::int64_t fence) {
        std::vector<Take> takes;
        const auto count = random_.between(0, 6);
        for (std::int64_t index = 0; index < count; ++index) {
            if (!crowd_.sent.empty() && random_.between(0, 3) == 0) {
                takes.push_back(any(crowd_.sent));
                takes.back().order_id = crowd_.shop.new_id();
            } else {
                takes.push_back(crowd_.shop.take_of(
                    any(crowd_.customers), static_cast<std::int32_t>(random_.between(1, 2))
                ));
                crowd_.sent.push_back(takes.back());
            }
        }
        std::vector<Return> returns;
        if (!crowd_.bought.empty() && random_.between(0, 2) == 0) {
            const Take take = any(crowd_.bought);
            returns.push_back({take.order_id, take.customer_id});
        }
        const BatchResult result = co_await crowd_.shop.sales.apply(
            connection,
            crowd_.sale,
            fence,
            BatchMode::without_lease,
            takes,
            returns,
            TestShop::soon()
        );
        if (result.status == BatchResult::Status::applied) remember(takes, result);
    }

    void remember(const std::vector<Take>& takes, const BatchResult& result) {
        for (std::size_t index = 0; index < takes.size(); ++index) {
            const TakeResult& decided = result.takes[index];
            if (decided.outcome == TakeOutcome::bought) {
                crowd_.bought.push_back(takes[index]);
            } else if (decided.outcome != TakeOutcome::known) {
                continue;
            }
            const auto known = crowd_.order_of_key.emplace(takes[index].key, decided.order_id);
            if (known.first->second != decided.order_id) ++crowd_.contradictions;
        }
    }

    Crowd& crowd_;
    base::Jitter random_;
};

net::awaitable<int> wait_until_done(Crowd& crowd) {
    while (crowd.running > 0) co_await pause_for(Milliseconds(10));
    co_return 0;
}

net::awaitable<int> run_crowd(Crowd& crowd, std::vector<std::unique_ptr<Buyer>>& buyers) {
    const auto executor = co_await net::asio::this_coro::executor;
    const auto start = [&](net::awaitable<void> work) {
        ++crowd.running;
        net::asio::co_spawn(executor, std::move(work), [&](std::exception_ptr error) {
            if (error) {
                ADD_FAILURE() << "a buyer threw";
                --crowd.running;
            }
        });
    };
    for (std::size_t index = 0; index < buyers.size(); ++index) {
        if (index < 6) {
            start(buyers[index]->buy());
        } else if (index < 9) {
            start(buyers[index]->pay());
        } else if (index == 9) {
            start(buyers[index]->chase());
        } else {
            start(buyers[index]->control());
        }
    }
    co_return co_await wait_until_done(crowd);
}

TEST(SaleRace, AddsUpWhateverRunsAtOnce) {
    TestShop shop(::testing::make_database("order_race"), 16);
    const std::int64_t units = 40;
    const auto sale = shop.make_sale(
        {.units = units, .units_per_customer = 3, .holds_per_customer = 8, .hold_ms = 40}
    );
    Crowd crowd{.shop = shop, .sale = sale};
    for (int count = 0; count < 400; ++count) crowd.customers.push_back(shop.new_id());
    crowd.end = net::deadline_in(Milliseconds(4000));
    std::vector<std::unique_ptr<Buyer>> buyers;
    for (std::uint64_t seed = 1; seed <= 11; ++seed) {
        buyers.push_back(std::make_unique<Buyer>(crowd, seed));
    }
    shop.run(run_crowd(crowd, buyers));

    EXPECT_GT(crowd.bought.size(), 50u) << "the race was none";
    EXPECT_EQ(crowd.contradictions, 0) << "a key has one order for ever";
    EXPECT_EQ(shop.violations(sale), "");
    EXPECT_EQ(
        static_cast<std::int64_t>(crowd.bought.size()),
        shop.number("SELECT count(*) FROM orders.sale_orders")
    ) << "what was answered is there, and nothing else";

    // All that is open ends by itself, then the sale settles.
    const auto ended =
        shop.run(shop.sales.control(sale, SaleAction::end, shop.new_id(), TestShop::soon()));
    ASSERT_TRUE(ended.has_value());
    bool settled = false;
    for (int round = 0; round < 100 && !settled; ++round) {
        shop.run(shop.payments.lapse(1000, TestShop::soon()));
        settled = shop.run(shop.sales.settle(sale, TestShop::soon())).settled;
        if (!settled) shop.number("SELECT 1 FROM pg_sleep(0.02)");
    }
    ASSERT_TRUE(settled);
    const auto due = shop.run(shop.payments.claim_due(1000, 0, TestShop::soon()));
    shop.run(shop.payments.confirm_due(due, TestShop::soon()));
    shop.number("SELECT 1 FROM pg_sleep(0.06)");
    const auto claimed = shop.run(shop.payments.claim_due(1000, 0, TestShop::soon()));
    shop.run(shop.payments.confirm_due(claimed, TestShop::soon()));

    EXPECT_EQ(shop.violations(sale), "");
    const auto standing = shop.standing(sale);
    EXPECT_EQ(standing.sold + standing.released, units);
    EXPECT_EQ(
        standing.sold,
        shop.number("SELECT coalesce(sum(quantity), 0) FROM orders.sale_orders WHERE state = 2")
    );
    EXPECT_EQ(
        shop.number("SELECT count(*) FROM orders.payment_attempts WHERE state NOT IN (1, 2, 4, 6)"),
        0
    );
    EXPECT_EQ(
        shop.number(
            "SELECT count(*) FROM orders.sale_orders o WHERE (o.state = 2) <> (SELECT count(*) = 1 "
            "FROM orders.payment_attempts p WHERE p.order_id = o.id AND p.state = 2)"
        ),
        0
    );
}

net::awaitable<int> apply_both(
    TestShop& shop, base::Uuid sale, std::vector<Take> takes, int& known
) {
    int left = static_cast<int>(takes.size());
    const auto one = [](TestShop& the_shop, base::Uuid the_sale, Take take, int& seen, int& open
                     ) -> net::awaitable<void> {
        const auto connection = co_await the_shop.room().acquire(TestShop::soon());
        const std::vector<Take> single(1, take);
        const std::vector<Return> none;
        const auto result = co_await the_shop.sales.apply(
            *connection, the_sale, 0, BatchMode::without_lease, single, none, TestShop::soon()
        );
        if (result.takes.at(0).outcome == TakeOutcome::known) ++seen;
        --open;
    };
    const auto executor = co_await net::asio::this_coro::executor;
    for (const Take& take : takes) {
        net::asio::co_spawn(executor, one(shop, sale, take, known, left), [](std::exception_ptr) {
        });
    }
    while (left > 0) co_await pause_for(Milliseconds(1));
    co_return 0;
}

TEST(SaleRace, OneKeyFromManyConnectionsIsOneOrder) {
    TestShop shop(::testing::make_database("order_race"), 8);
    const auto sale = shop.make_sale({.units = 100, .units_per_customer = 100});
    for (int round = 0; round < 20; ++round) {
        const Take take = shop.take();
        std::vector<Take> takes(6, take);
        for (Take& copy : takes) copy.order_id = shop.new_id();
        int known = 0;
        shop.run(apply_both(shop, sale, takes, known));
        EXPECT_EQ(known, 5);
    }
    EXPECT_EQ(shop.number("SELECT count(*) FROM orders.sale_orders"), 20);
    EXPECT_EQ(shop.violations(sale), "");
}

TEST(SaleRace, TheLimitHoldsAcrossConnections) {
    TestShop shop(::testing::make_database("order_race"), 8);
    const auto sale = shop.make_sale({.units = 100, .units_per_customer = 1});
    for (int round = 0; round < 20; ++round) {
        const auto customer = shop.new_id();
        std::vector<Take> takes;
        for (int copy = 0; copy < 6; ++copy) takes.push_back(shop.take_of(customer));
        int known = 0;
        shop.run(apply_both(shop, sale, takes, known));
    }
    EXPECT_EQ(shop.number("SELECT count(*) FROM orders.sale_orders"), 20);
    EXPECT_EQ(shop.violations(sale), "");
}

struct Waiting {
    std::optional<BatchResult> result;
};

net::awaitable<void> apply_waiting(TestShop& shop, base::Uuid sale, Take take, Waiting& waiting) {
    const auto connection = co_await shop.room().acquire(TestShop::soon());
    const std::vector<Take> takes(1, take);
    const std::vector<Return> none;
    waiting.result = co_await shop.sales.apply(
        *connection, sale, 0, BatchMode::lease, takes, none, TestShop::soon()
    );
}

net::awaitable<int> bump_while_it_waits(TestShop& shop, base::Uuid sale, Waiting& waiting) {
    const auto connection = co_await shop.room().acquire(TestShop::soon());
    co_await connection->run("BEGIN", TestShop::soon());
    co_await shop.sales.raise_fence(*connection, sale, TestShop::soon());
    const auto executor = co_await net::asio::this_coro::executor;
    net::asio::co_spawn(
        executor, apply_waiting(shop, sale, shop.take(), waiting), [](std::exception_ptr) {}
    );
    co_await pause_for(Milliseconds(100));
    if (waiting.result) co_return 1;
    co_await connection->run("COMMIT", TestShop::soon());
    while (!waiting.result) co_await pause_for(Milliseconds(1));
    co_return 0;
}

TEST(SaleRace, ABatchThatWaitsWhileTheFenceRisesIsRefused) {
    TestShop shop(::testing::make_database("order_race"), 4);
    const auto sale = shop.make_sale({.units = 100});
    Waiting waiting;
    EXPECT_EQ(shop.run(bump_while_it_waits(shop, sale, waiting)), 0) << "it did not wait";
    ASSERT_TRUE(waiting.result.has_value());
    EXPECT_EQ(waiting.result->status, BatchResult::Status::fenced);
    EXPECT_EQ(shop.number("SELECT count(*) FROM orders.sale_orders"), 0);
}

TEST(SaleGrowth, CostPerOrderStaysFlat) {
    TestShop shop(::testing::make_database("order_growth"));
    const auto sale = shop.make_sale({.units = 1'000'000, .hold_ms = 3'600'000});
    const auto measure_ms = [&] {
        std::int64_t best_us = 1'000'000'000;
        for (int round = 0; round < 30; ++round) {
            std::vector<Take> takes;
            for (int count = 0; count < 10; ++count) takes.push_back(shop.take());
            const auto begun = net::SteadyClock::now();
            shop.apply(sale, takes);
            const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(
                net::SteadyClock::now() - begun
            );
            best_us = std::min<std::int64_t>(best_us, spent.count());
        }
        return best_us;
    };
    const auto empty_us = measure_ms();
    // Planted behind the back of the statistics, as a sale does it faster than they are gathered.
    // In pieces that a slow machine inserts within the statement timeout.
    for (int piece = 0; piece < 10; ++piece) {
        shop.execute(
            "INSERT INTO orders.sale_orders SELECT now() + interval '1 hour', now(), 1, NULL, "
            "1999, sale_no, 1, 1, 0, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), "
            "gen_random_uuid() FROM orders.sales, generate_series(1, 20000)"
        );
    }
    const auto full_us = measure_ms();
    EXPECT_LT(full_us, 4 * empty_us + 1000) << "a plan that reads the table costs 20 ms and more";
}

}  // namespace
}  // namespace order
