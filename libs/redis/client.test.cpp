#include "redis/client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "metrics/metrics.hpp"
#include "net/event.hpp"
#include "testing/run_on_loop.hpp"
#include "testing/temporary_redis.hpp"

namespace redis {
namespace {

using std::chrono::milliseconds;

net::Deadline soon() {
    return net::deadline_in(milliseconds(5000));
}

testing::TemporaryRedis& shared_redis() {
    static testing::TemporaryRedis server;
    return server;
}

struct RedisClient : ::testing::Test {
    net::asio::io_context loop;
    metrics::Registry metrics;
    std::unique_ptr<Client> client;

    void connect(const Settings& settings) {
        client = std::make_unique<Client>(loop.get_executor(), settings, &metrics);
        client->start();
        ASSERT_TRUE(testing::run_on_loop(loop, client->connected_by(soon())));
    }

    Reply exec(Command command) {
        return testing::run_on_loop(loop, client->exec(std::move(command), soon()));
    }

    bool has_metric(const std::string& line) const {
        return metrics.text().find(line) != std::string::npos;
    }
};

TEST_F(RedisClient, RunsCommands) {
    connect(shared_redis().settings());
    EXPECT_EQ(client->master(), shared_redis().node(0));
    EXPECT_EQ(exec({"SET", "runs", "a b\r\n"}).text, "OK");
    EXPECT_EQ(exec({"GET", "runs"}).text, "a b\r\n");
    EXPECT_TRUE(exec({"GET", "absent"}).is_nil());
    exec({"DEL", "number"});
    EXPECT_EQ(exec({"INCRBY", "number", "-3"}).integer, -3);
    EXPECT_TRUE(has_metric("doorbuster_redis_connected 1"));
    EXPECT_TRUE(has_metric("doorbuster_redis_commands_total{outcome=\"answered\"} 5"));
}

TEST_F(RedisClient, GivesErrorRepliesAsData) {
    connect(shared_redis().settings());
    const Reply reply = exec({"NOSUCHCOMMAND"});
    EXPECT_TRUE(reply.is_error());
    EXPECT_TRUE(reply.text.starts_with("ERR unknown command")) << reply.text;
    EXPECT_TRUE(client->is_connected());
    EXPECT_TRUE(has_metric("doorbuster_redis_commands_total{outcome=\"error_reply\"} 1"));
}

net::awaitable<void> echo_number(Client& client, int number, int& left) {
    Command command{"ECHO", std::to_string(number)};
    const Reply reply = co_await client.exec(std::move(command), soon());
    EXPECT_EQ(reply.text, std::to_string(number));
    --left;
}

net::awaitable<void> echo_many(Client& client, int count) {
    const auto executor = co_await net::asio::this_coro::executor;
    int left = count;
    for (int number = 0; number < count; ++number) {
        net::asio::co_spawn(executor, echo_number(client, number, left), net::asio::detached);
    }
    while (left > 0) co_await net::sleep_for(milliseconds(1));
}

TEST_F(RedisClient, PipelinesWithoutMixingReplies) {
    connect(shared_redis().settings());
    testing::run_on_loop(loop, echo_many(*client, 5000));
}

TEST_F(RedisClient, TakesBigReplies) {
    connect(shared_redis().settings());
    const std::string big(20 * 1024 * 1024, 'b');
    EXPECT_EQ(exec({"SET", "big", big}).text, "OK");
    EXPECT_TRUE(exec({"GET", "big"}).text == big);
    EXPECT_EQ(exec({"DEL", "big"}).integer, 1);

    const Reply many =
        exec({"EVAL", "local t = {} for i = 1, 100000 do t[i] = i end return t", "0"});
    ASSERT_EQ(many.elements.size(), 100000U);
    EXPECT_EQ(many.elements.back().integer, 100000);
}

TEST_F(RedisClient, EvalSendsTheScriptOnlyWhenRedisDoesNotKnowIt) {
    connect(shared_redis().settings());
    exec({"SCRIPT", "FLUSH"});
    exec({"CONFIG", "RESETSTAT"});
    constexpr std::string_view script = "return {KEYS[1], ARGV[1], ARGV[2]}";
    for (int round = 0; round < 2; ++round) {
        const Reply reply =
            testing::run_on_loop(loop, client->eval(script, {"key"}, {"one", "two"}, soon()));
        ASSERT_EQ(reply.elements.size(), 3U) << reply.text;
        EXPECT_EQ(reply.elements[0].text, "key");
        EXPECT_EQ(reply.elements[2].text, "two");
    }
    const std::string statistics = exec({"INFO", "commandstats"}).text;
    EXPECT_NE(statistics.find("cmdstat_evalsha:calls=2,"), std::string::npos) << statistics;
    EXPECT_NE(statistics.find("cmdstat_eval:calls=1,"), std::string::npos) << statistics;
}

template <class Call>
Error::Effect effect_of(Call call) {
    try {
        call();
    } catch (const Error& error) {
        return error.effect();
    }
    throw std::logic_error("no Error was thrown");
}

TEST_F(RedisClient, FailsAtOnceWhileNotConnected) {
    Settings settings = shared_redis().settings();
    client = std::make_unique<Client>(loop.get_executor(), settings, &metrics);
    EXPECT_FALSE(client->is_connected());
    EXPECT_EQ(client->master(), std::nullopt);
    EXPECT_EQ(effect_of([&] { exec({"PING"}); }), Error::Effect::none);
    EXPECT_TRUE(has_metric("doorbuster_redis_commands_total{outcome=\"refused\"} 1"));
}

TEST_F(RedisClient, IsNotConnectedWithAWrongPassword) {
    for (const std::string password : {"wrong", ""}) {
        Settings settings = shared_redis().settings();
        settings.password = password;
        client = std::make_unique<Client>(loop.get_executor(), settings, nullptr);
        client->start();
        const auto deadline = net::deadline_in(milliseconds(300));
        EXPECT_FALSE(testing::run_on_loop(loop, client->connected_by(deadline)));
        EXPECT_EQ(effect_of([&] { exec({"PING"}); }), Error::Effect::none);
    }
}

TEST_F(RedisClient, ResolvesHostNames) {
    Settings settings = shared_redis().settings();
    settings.fallback = Address{"localhost", shared_redis().node(0).port};
    connect(settings);
    EXPECT_EQ(exec({"PING"}).text, "PONG");
}

TEST_F(RedisClient, StopEndsWaitingAndCommands) {
    connect(shared_redis().settings());
    client->stop();
    EXPECT_FALSE(client->is_connected());
    EXPECT_EQ(effect_of([&] { exec({"PING"}); }), Error::Effect::none);
    EXPECT_FALSE(testing::run_on_loop(loop, client->connected_by(soon())));
    // Nothing of the client keeps the loop busy.
    loop.restart();
    loop.run_for(std::chrono::seconds(5));
    EXPECT_TRUE(loop.stopped());
}

TEST_F(RedisClient, DropsTheConnectionPastADeadline) {
    connect(shared_redis().settings());
    const auto late = [&](Command command) {
        const auto deadline = net::deadline_in(milliseconds(50));
        return testing::run_on_loop(loop, client->exec(std::move(command), deadline));
    };
    EXPECT_EQ(effect_of([&] { late({"BLPOP", "nothing", "0"}); }), Error::Effect::unknown);
    EXPECT_FALSE(client->is_connected());
    ASSERT_TRUE(testing::run_on_loop(loop, client->connected_by(soon())));
    EXPECT_EQ(exec({"ECHO", "mine"}).text, "mine");
    EXPECT_TRUE(has_metric("doorbuster_redis_reconnects_total 1"));
}

TEST_F(RedisClient, RefusesACommandThatHasNoTimeLeft) {
    connect(shared_redis().settings());
    const auto past = net::SteadyClock::now();
    const auto late = [&] { testing::run_on_loop(loop, client->exec({"PING"}, past)); };
    EXPECT_EQ(effect_of(late), Error::Effect::none);
    EXPECT_TRUE(client->is_connected());
}

net::awaitable<void> block(Client& client, milliseconds time, int& refused) {
    try {
        const auto deadline = net::deadline_in(time);
        Command command{"BLPOP", "nothing", "0"};
        co_await client.exec(std::move(command), deadline);
    } catch (const Error& error) {
        if (error.effect() == Error::Effect::none) ++refused;
    }
}

net::awaitable<void> block_three_times(Client& client, int& refused) {
    const auto executor = co_await net::asio::this_coro::executor;
    for (int call = 0; call < 2; ++call) {
        auto one = block(client, milliseconds(200), refused);
        net::asio::co_spawn(executor, std::move(one), net::asio::detached);
    }
    co_await net::sleep_for(milliseconds(20));
    co_await block(client, milliseconds(200), refused);
}

TEST_F(RedisClient, LimitsTheCommandsUnderWay) {
    Settings settings = shared_redis().settings();
    settings.waiting_max = 2;
    settings.health_interval_ms = 10000;
    connect(settings);
    int refused = 0;
    testing::run_on_loop(loop, block_three_times(*client, refused));
    EXPECT_EQ(refused, 1);
    EXPECT_TRUE(client->is_connected());
}

TEST_F(RedisClient, SurvivesARestartOfRedis) {
    testing::TemporaryRedis server;
    connect(server.settings());
    server.kill_node(0);
    EXPECT_THROW(exec({"PING"}), Error);
    EXPECT_FALSE(
        testing::run_on_loop(loop, client->connected_by(net::deadline_in(milliseconds(100))))
    );
    EXPECT_TRUE(has_metric("doorbuster_redis_connected 0"));
    server.start_node(0);
    ASSERT_TRUE(testing::run_on_loop(loop, client->connected_by(soon())));
    EXPECT_EQ(exec({"PING"}).text, "PONG");
}

net::awaitable<bool> is_dropped_by(Client& client, net::Deadline deadline) {
    while (client.is_connected() && net::SteadyClock::now() < deadline) {
        co_await net::sleep_for(milliseconds(5));
    }
    co_return !client.is_connected();
}

TEST_F(RedisClient, NoticesAFrozenServerWithoutTraffic) {
    testing::TemporaryRedis server;
    Settings settings = server.settings();
    settings.health_interval_ms = 50;
    settings.health_timeout_ms = 100;
    connect(settings);
    server.pause_node(0);
    EXPECT_TRUE(testing::run_on_loop(loop, is_dropped_by(*client, soon())));
    server.resume_node(0);
    EXPECT_TRUE(testing::run_on_loop(loop, client->connected_by(soon())));
}

TEST_F(RedisClient, LeavesAMasterThatBecameAReplica) {
    testing::TemporaryRedis server;
    Settings settings = server.settings();
    settings.health_interval_ms = 60000;
    connect(settings);
    const std::string other = std::to_string(shared_redis().node(0).port);
    EXPECT_EQ(exec({"REPLICAOF", "127.0.0.1", other}).text, "OK");
    EXPECT_EQ(effect_of([&] { exec({"SET", "key", "value"}); }), Error::Effect::none);
    EXPECT_FALSE(client->is_connected());
    // It stays refused as long as its ROLE says so.
    EXPECT_FALSE(
        testing::run_on_loop(loop, client->connected_by(net::deadline_in(milliseconds(200))))
    );
}

TEST_F(RedisClient, NoticesADemotionWithoutTraffic) {
    testing::TemporaryRedis server;
    Settings settings = server.settings();
    settings.health_interval_ms = 50;
    connect(settings);
    const std::string other = std::to_string(shared_redis().node(0).port);
    EXPECT_EQ(exec({"REPLICAOF", "127.0.0.1", other}).text, "OK");
    EXPECT_TRUE(testing::run_on_loop(loop, is_dropped_by(*client, soon())));
}

}  // namespace
}  // namespace redis
