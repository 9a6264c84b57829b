#include "order/engine/sale_engine.hpp"

#include <set>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "http/server.hpp"
#include "json/decode.hpp"
#include "json/encode.hpp"
#include "net/event.hpp"
#include "order/clients/peer_messages.hpp"
#include "order/store/test_shop.hpp"
#include "testing/temporary_postgres.hpp"
#include "testing/temporary_redis.hpp"

namespace order {
namespace {

using std::chrono::milliseconds;

EngineLimits quick_limits() {
    EngineLimits limits;
    limits.reclaim_every_ms = 20;
    limits.forward_timeout_ms = 400;
    limits.lease = {1000, 100, 100, 50, 10, 300, 5000};
    return limits;
}

/// One order pod as far as selling goes: engine, lease, and the door for other pods' batches.
class Pod {
  public:
    Pod(TestShop& shop,
        testing::TemporaryRedis& redis,
        const base::Uuid& sale,
        const EngineLimits& limits = quick_limits())
        : shop_(shop),
          redis_(shop.executor(), redis.settings(), nullptr),
          lease_(redis_, quick_limits().lease.lease_ms),
          peers_(shop.executor(), "Service order:test"),
          clock_(shop.sales),
          metrics_(registry_) {
        redis_.start();
        router_.add(
            "POST",
            "/internal/v1/flash-sales/{id}/batches",
            [this](http::Request& request) { return serve(request); }
        );
        server_ = std::make_unique<http::Server>(
            shop.executor(), http::ServerLimits{}, router_, nullptr, "pod"
        );
        server_->listen("127.0.0.1", 0);
        const LeaseHolder self{
            "127.0.0.1:" + std::to_string(server_->port()), shop.new_id().to_string()
        };
        const auto known = shop.run(shop.sales.find(sale, TestShop::soon()));
        engine_ = std::make_shared<SaleEngine>(
            EngineParts{
                shop.executor(),
                shop.sales,
                shop.room(),
                lease_,
                peers_,
                clock_,
                metrics_,
                self,
                limits
            },
            known->terms
        );
        engine_->start();
        shop.run(redis_.connected_by(TestShop::soon()));
    }

    ~Pod() {
        engine_->stop();
        redis_.stop();
        shop_.run(net::sleep_for(milliseconds(300)));  // its loops see that it has stopped
    }

    SaleEngine& engine() { return *engine_; }
    void close_door() { server_.reset(); }

    /// What the last batch that another pod forwarded said.
    milliseconds last_waited() const { return last_waited_; }
    double forwarded() { return metrics_.batches_forwarded.Value(); }
    double with_lease() { return metrics_.batches_with_lease.Value(); }
    double without_lease() { return metrics_.batches_without_lease.Value(); }

  private:
    net::awaitable<http::Response> serve(http::Request& request) {
        const auto message = json::decode<peer::BatchMessage>(request.body);
        if (!message) co_return http::json_response(400, "{}");
        auto batch = peer::from_message(*message);
        last_waited_ = batch.waited = peer::waited_of(request.headers);
        const auto answers = co_await engine_->serve_forwarded(std::move(batch), request.deadline);
        if (!answers) co_return http::json_response(409, "{}");
        co_return http::json_response(200, json::encode(peer::to_message(*answers)));
    }

    TestShop& shop_;
    redis::Client redis_;
    SaleLease lease_;
    PeerClient peers_;
    DatabaseClock clock_;
    metrics::Registry registry_;
    EngineMetrics metrics_;
    http::Router router_;
    std::unique_ptr<http::Server> server_;
    std::shared_ptr<SaleEngine> engine_;
    milliseconds last_waited_{0};
};

class SaleEngineTest : public ::testing::Test {
  protected:
    base::Uuid sale(std::int64_t units) {
        TestShop::Terms terms;
        terms.units = units;
        terms.units_per_customer = 1;
        return shop_.make_sale(terms);
    }

    static net::awaitable<void> take_into(
        SaleEngine& engine, Take take, std::vector<TakeAnswer>& answers
    ) {
        const TakeAnswer answer = co_await engine.take(take, net::deadline_in(milliseconds(5000)));
        answers.push_back(answer);
    }

    /// Takes of as many customers at once, in turn on each pod; waits for all answers.
    std::vector<TakeAnswer> rush(std::vector<Pod*> pods, std::vector<Take> takes) {
        std::vector<TakeAnswer> answers;
        for (std::size_t index = 0; index < takes.size(); ++index) {
            net::asio::co_spawn(
                shop_.executor(),
                take_into(pods[index % pods.size()]->engine(), takes[index], answers),
                [](std::exception_ptr error) {
                    if (error) std::rethrow_exception(error);
                }
            );
        }
        const auto deadline = net::deadline_in(std::chrono::seconds(10));
        while (answers.size() < takes.size() && net::SteadyClock::now() < deadline) {
            shop_.run(net::sleep_for(milliseconds(5)));
        }
        EXPECT_EQ(answers.size(), takes.size()) << "somebody was never answered";
        return answers;
    }

    /// Lets a pod win the lease: its first purchases may go without.
    void make_holder(Pod& pod) {
        for (int attempt = 0; attempt < 100 && pod.with_lease() == 0; ++attempt) {
            ASSERT_EQ(bought(rush({&pod}, takes(1))), 1);
            shop_.run(net::sleep_for(milliseconds(10)));
        }
        ASSERT_GT(pod.with_lease(), 0);
    }

    /// Lets a pod learn that another holds the lease.
    void make_follower(Pod& pod) {
        for (int attempt = 0; attempt < 100 && pod.forwarded() == 0; ++attempt) {
            ASSERT_EQ(bought(rush({&pod}, takes(1))), 1);
            shop_.run(net::sleep_for(milliseconds(10)));
        }
        ASSERT_GT(pod.forwarded(), 0);
    }

    std::int64_t sold() { return shop_.number("SELECT count(*) FROM orders.sale_orders"); }

    std::vector<Take> takes(int count) {
        std::vector<Take> wanted;
        for (int number = 0; number < count; ++number) wanted.push_back(shop_.take());
        return wanted;
    }

    static int bought(const std::vector<TakeAnswer>& answers) {
        return static_cast<int>(std::ranges::count_if(answers, [](const TakeAnswer& answer) {
            return answer.kind == TakeAnswer::Kind::decided &&
                   answer.outcome == TakeOutcome::bought;
        }));
    }

    TestShop shop_{testing::make_database("engine"), 8};
    testing::TemporaryRedis redis_;
};

TEST_F(SaleEngineTest, AFirstBuyerGetsTheFirstPlaceInHistory) {
    const base::Uuid id = sale(1);
    Pod pod(shop_, redis_, id);
    const auto answers = rush({&pod}, takes(1));
    ASSERT_EQ(bought(answers), 1);
    EXPECT_EQ(answers[0].pos, 1);
}

TEST_F(SaleEngineTest, TwoPodsSellExactlyWhatThereIsAndOneForwards) {
    const base::Uuid id = sale(150);
    Pod first(shop_, redis_, id);
    Pod second(shop_, redis_, id);
    make_holder(first);
    make_follower(second);
    const auto before = static_cast<int>(sold());
    const double forwarded = second.forwarded();
    EXPECT_EQ(bought(rush({&first, &second}, takes(400))), 150 - before);
    EXPECT_GT(second.forwarded(), forwarded);
    EXPECT_EQ(sold(), 150);
    EXPECT_EQ(shop_.violations(id), "");
}

TEST_F(SaleEngineTest, OneKeyOnTwoPodsMakesOneOrder) {
    const base::Uuid id = sale(10);
    Pod first(shop_, redis_, id);
    Pod second(shop_, redis_, id);
    const Take once = shop_.take();
    std::vector<Take> clicks(8, once);
    for (Take& click : clicks) click.order_id = shop_.new_id();
    const auto answers = rush({&first, &second}, clicks);
    EXPECT_EQ(bought(answers), 1);
    std::set<base::Uuid> orders;
    for (const TakeAnswer& answer : answers) orders.insert(answer.order_id);
    EXPECT_EQ(orders.size(), 1U);
}

TEST_F(SaleEngineTest, AHolderThatDoesNotAnswerIsPassedOver) {
    const base::Uuid id = sale(100);
    Pod holder(shop_, redis_, id);
    Pod other(shop_, redis_, id);
    make_holder(holder);
    make_follower(other);
    const double without_lease = other.without_lease();
    holder.close_door();
    EXPECT_EQ(bought(rush({&other}, takes(20))), 20);
    EXPECT_GT(other.without_lease(), without_lease);
    EXPECT_EQ(shop_.violations(id), "");
}

TEST_F(SaleEngineTest, ARaisedFenceCostsNobodyAnOrder) {
    const base::Uuid id = sale(100);
    Pod pod(shop_, redis_, id);
    make_holder(pod);
    shop_.execute("UPDATE orders.sale_units SET fence = fence + 1");
    EXPECT_EQ(bought(rush({&pod}, takes(20))), 20);
    EXPECT_EQ(shop_.violations(id), "");
}

TEST_F(SaleEngineTest, SellsWithoutRedis) {
    const base::Uuid id = sale(100);
    Pod pod(shop_, redis_, id);
    make_holder(pod);
    redis_.kill_node(0);
    shop_.run(net::sleep_for(milliseconds(1500)));  // past its lease
    EXPECT_EQ(bought(rush({&pod}, takes(20))), 20);
    EXPECT_GT(pod.without_lease(), 0);
    EXPECT_EQ(shop_.violations(id), "");
}

TEST_F(SaleEngineTest, ALateTakeIsNeitherTakenNorRefused) {
    const base::Uuid id = sale(5);
    Pod pod(shop_, redis_, id);
    const Take take = shop_.take();
    const auto past = net::SteadyClock::now() - milliseconds(1);
    const TakeAnswer answer = shop_.run(pod.engine().take(take, past));
    EXPECT_NE(answer.kind, TakeAnswer::Kind::decided);
    EXPECT_EQ(shop_.number("SELECT count(*) FROM orders.sale_orders"), 0);
}

TEST_F(SaleEngineTest, WhoWouldWaitTooLongIsToldSoAtOnceAndMayComeAgain) {
    const base::Uuid id = sale(100);
    EngineLimits limits = quick_limits();
    limits.batch_max = 1;
    limits.wait_max_ms = 0;  // one round ahead is too many
    Pod pod(shop_, redis_, id, limits);
    make_holder(pod);
    const std::vector<Take> wanted = takes(20);
    const auto answers = rush({&pod}, wanted);
    const auto turned_away = std::ranges::count_if(answers, [](const TakeAnswer& answer) {
        return answer.kind == TakeAnswer::Kind::busy;
    });
    EXPECT_GT(turned_away, 0);
    EXPECT_GT(bought(answers), 0);
    EXPECT_EQ(bought(answers) + turned_away, 20);
    // Nothing was decided about them, and a quiet line takes everybody.
    int in_all = 0;
    for (const Take& again : wanted) {
        in_all += static_cast<int>(rush({&pod}, {again}).front().kind == TakeAnswer::Kind::decided);
    }
    EXPECT_EQ(in_all, 20);
    EXPECT_EQ(shop_.violations(id), "");
}

TEST_F(SaleEngineTest, AFullLineSaysSoBeforeAnythingIsKnownOfABuyerAndForHowLong) {
    const base::Uuid id = sale(1000);
    EngineLimits limits = quick_limits();
    limits.batch_max = 1;
    limits.wait_max_ms = 50;
    Pod pod(shop_, redis_, id, limits);
    make_holder(pod);
    EXPECT_FALSE(pod.engine().turned_away().has_value()) << "a quiet line takes everybody";
    // Another pod's are let in whatever the line, so that it is much longer than it may get.
    ForwardedBatch batch;
    batch.takes = takes(600);
    for (Take& take : batch.takes) take.deadline_us = 4'000'000'000'000'000;
    bool is_served = false;
    net::asio::co_spawn(
        shop_.executor(),
        pod.engine().serve_forwarded(batch, net::deadline_in(milliseconds(9000))),
        [&](const std::exception_ptr&, const std::optional<ForwardedAnswers>&) { is_served = true; }
    );
    std::optional<TakeAnswer> refused;
    while (!is_served && (!refused || refused->busy_for_ms == 0)) {
        shop_.run(net::sleep_for(milliseconds(1)));  // until the first round has returned
        refused = pod.engine().turned_away();
    }
    ASSERT_TRUE(refused.has_value());
    EXPECT_EQ(refused->kind, TakeAnswer::Kind::busy);
    EXPECT_EQ(refused->busy_for_ms, 5) << "a tenth of what a full line takes";
    const auto end = net::deadline_in(std::chrono::seconds(10));
    while (!is_served && net::SteadyClock::now() < end) {
        shop_.run(net::sleep_for(milliseconds(5)));
    }
    EXPECT_TRUE(is_served);
    EXPECT_FALSE(pod.engine().turned_away().has_value()) << "it is quiet again";
}

TEST_F(SaleEngineTest, WhoIsForwardedIsServedAmongThoseWhoHaveWaitedAsLong) {
    const base::Uuid id = sale(100);
    EngineLimits limits = quick_limits();
    limits.batch_max = 1;
    Pod pod(shop_, redis_, id, limits);
    make_holder(pod);
    const auto rank = [&](milliseconds waited) -> std::optional<std::int64_t> {
        const std::vector<Take> wanted = takes(8);
        const auto own = std::make_shared<std::vector<TakeAnswer>>();
        for (const Take& take : wanted) {
            net::asio::co_spawn(
                shop_.executor(),
                take_into(pod.engine(), take, *own),
                [own](const std::exception_ptr&) {}
            );
        }
        ForwardedBatch batch;
        batch.takes = takes(1);
        batch.takes.front().deadline_us = 4'000'000'000'000'000;  // patience has no say in it
        batch.waited = waited;
        const auto answers =
            shop_.run(pod.engine().serve_forwarded(batch, net::deadline_in(milliseconds(5000))));
        const auto end = net::deadline_in(std::chrono::seconds(10));
        while (own->size() < 8 && net::SteadyClock::now() < end) {
            shop_.run(net::sleep_for(milliseconds(5)));
        }
        if (!answers || bought(answers->takes) != 1 || bought(*own) != 8) return std::nullopt;
        const std::int64_t seq = answers->takes.front().seq;
        return std::ranges::count_if(*own, [&](const TakeAnswer& each) { return each.seq < seq; });
    };
    const auto first = rank(milliseconds(1000));
    ASSERT_TRUE(first.has_value()) << "all of them bought";
    EXPECT_LE(*first, 1) << "but for whose batch is under way";
    EXPECT_EQ(rank(milliseconds(0)), 8) << "came last";
}

TEST_F(SaleEngineTest, AForwardedBatchSaysHowLongItHasWaited) {
    const base::Uuid id = sale(100);
    EngineLimits limits = quick_limits();
    limits.forward_max = 1;
    limits.forwards_max = 1;
    Pod holder(shop_, redis_, id);
    Pod other(shop_, redis_, id, limits);
    make_holder(holder);
    make_follower(other);
    const auto answers = rush({&other}, takes(30));
    EXPECT_EQ(bought(answers), 30);
    EXPECT_GT(holder.last_waited(), milliseconds(0)) << "the last of them waited for 29 hops";
}

TEST(PeerMessages, WaitedIsReadWithCare) {
    const auto waited = [](const char* text) {
        http::Headers headers;
        headers.add("X-Waited-Ms", text);
        return peer::waited_of(headers).count();
    };
    EXPECT_EQ(peer::waited_of({}).count(), 0) << "a pod of the version before";
    EXPECT_EQ(waited("250"), 250);
    EXPECT_EQ(waited("-5"), 0);
    EXPECT_EQ(waited("soon"), 0);
    EXPECT_EQ(waited("99999999999999999999"), 0);
    EXPECT_EQ(waited("999999999"), 60'000);
}

TEST_F(SaleEngineTest, ReturnedUnitsAreSoldAgain) {
    const base::Uuid id = sale(1);
    Pod pod(shop_, redis_, id);
    const Take first = shop_.take();
    ASSERT_EQ(bought(rush({&pod}, {first})), 1);
    EXPECT_EQ(bought(rush({&pod}, takes(1))), 0);
    const ReturnAnswer returned =
        shop_.run(pod.engine().give_back({first.order_id, first.customer_id}, TestShop::soon()));
    EXPECT_EQ(returned.outcome, ReturnOutcome::cancelled);
    EXPECT_EQ(bought(rush({&pod}, takes(1))), 1);
    EXPECT_EQ(shop_.violations(id), "");
}

}  // namespace
}  // namespace order
