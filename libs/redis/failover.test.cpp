#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "net/event.hpp"
#include "redis/client.hpp"
#include "redis/codec.hpp"
#include "testing/run_on_loop.hpp"
#include "testing/temporary_redis.hpp"

namespace redis {
namespace {

using net::asio::ip::tcp;
using std::chrono::milliseconds;

net::Deadline soon() {
    return net::deadline_in(milliseconds(15000));
}

net::awaitable<bool> uses_by(Client& client, Address address, net::Deadline deadline) {
    while (client.master() != address && net::SteadyClock::now() < deadline) {
        co_await net::sleep_for(milliseconds(5));
    }
    co_return client.master() == address;
}

/// Waits until a write succeeds; true if it did so on another master than `former`.
net::awaitable<bool> writes_elsewhere_by(Client& client, Address former, net::Deadline deadline) {
    while (net::SteadyClock::now() < deadline) {
        try {
            Command command{"SET", "after", "failover"};
            const auto patience = net::deadline_in(milliseconds(200));
            const Reply reply = co_await client.exec(std::move(command), patience);
            if (reply.text == "OK" && client.master() != former) co_return true;
        } catch (const Error&) {
        }
        co_await net::sleep_for(milliseconds(10));
    }
    co_return false;
}

struct Failover : ::testing::Test {
    net::asio::io_context loop;
    std::unique_ptr<Client> client;

    void connect(const Settings& settings) {
        client = std::make_unique<Client>(loop.get_executor(), settings, nullptr);
        client->start();
        ASSERT_TRUE(testing::run_on_loop(loop, client->connected_by(soon())));
    }

    bool connects_by(milliseconds time) {
        return testing::run_on_loop(loop, client->connected_by(net::deadline_in(time)));
    }
};

TEST_F(Failover, FollowsTheSentinelsWhenTheMasterDies) {
    testing::TemporaryRedis servers(2, 3);
    connect(servers.settings());
    const Address former = servers.node(0);
    ASSERT_EQ(client->master(), former);
    servers.kill_node(0);
    const auto deadline = net::deadline_in(milliseconds(10000));
    EXPECT_TRUE(testing::run_on_loop(loop, writes_elsewhere_by(*client, former, deadline)));
}

TEST_F(Failover, FollowsTheSentinelsWhenTheMasterFreezesAndStaysWhenItThaws) {
    testing::TemporaryRedis servers(2, 3);
    connect(servers.settings());
    const Address former = servers.node(0);
    servers.pause_node(0);
    const auto deadline = net::deadline_in(milliseconds(10000));
    EXPECT_TRUE(testing::run_on_loop(loop, writes_elsewhere_by(*client, former, deadline)));
    const auto successor = client->master();
    servers.resume_node(0);
    const auto watched_until = net::deadline_in(milliseconds(1500));
    EXPECT_FALSE(testing::run_on_loop(loop, uses_by(*client, former, watched_until)));
    EXPECT_EQ(client->master(), successor);
}

TEST_F(Failover, UsesTheFallbackWhenAllSentinelsAreGone) {
    testing::TemporaryRedis servers(1, 3);
    Settings settings = servers.settings();
    settings.fallback = servers.node(0);
    settings.health_interval_ms = 50;
    connect(settings);
    servers.kill_sentinel(0);
    servers.kill_sentinel(1);
    EXPECT_EQ(testing::run_on_loop(loop, client->exec({"SET", "one", "left"}, soon())).text, "OK");
    servers.kill_sentinel(2);
    // A connection that works outlives the sentinels.
    const auto watched_until = net::deadline_in(milliseconds(300));
    EXPECT_FALSE(testing::run_on_loop(loop, uses_by(*client, Address{}, watched_until)));
    EXPECT_TRUE(client->is_connected());

    connect(settings);
    EXPECT_EQ(client->master(), servers.node(0));

    settings.fallback = servers.node(1);
    client = std::make_unique<Client>(loop.get_executor(), settings, nullptr);
    client->start();
    EXPECT_FALSE(connects_by(milliseconds(500))) << "a replica was taken for a master";
}

/// Answers every command as a sentinel that names one master, or knows none.
class FakeSentinel {
  public:
    FakeSentinel(net::asio::io_context& loop, std::optional<Address> named)
        : acceptor_(loop, tcp::endpoint(net::asio::ip::address_v4::loopback(), 0)),
          named_(std::make_shared<std::optional<Address>>(std::move(named))) {
        net::asio::co_spawn(loop, accept(acceptor_, named_), net::asio::detached);
    }

    Address address() const { return {"127.0.0.1", acceptor_.local_endpoint().port()}; }
    void name(const Address& master) { *named_ = master; }

  private:
    static net::awaitable<void> accept(
        tcp::acceptor& acceptor, std::shared_ptr<std::optional<Address>> named
    ) {
        const auto executor = acceptor.get_executor();
        while (true) {
            auto [error, socket] =
                co_await acceptor.async_accept(net::asio::as_tuple(net::asio::use_awaitable));
            if (error) co_return;
            net::asio::co_spawn(executor, serve(std::move(socket), named), net::asio::detached);
        }
    }

    /// A command on the wire has the form of a reply.
    static net::awaitable<void> serve(
        tcp::socket socket, std::shared_ptr<std::optional<Address>> named
    ) {
        ReplyReader commands;
        std::array<char, 1024> input;
        while (true) {
            const std::size_t count =
                co_await socket.async_read_some(net::asio::buffer(input), net::asio::use_awaitable);
            commands.feed(std::string_view(input.data(), count));
            while (commands.next()) {
                std::string answer = "*-1\r\n";
                if (*named) answer = encode({(*named)->host, std::to_string((*named)->port)});
                co_await net::asio::async_write(
                    socket, net::asio::buffer(answer), net::asio::use_awaitable
                );
            }
        }
    }

    tcp::acceptor acceptor_;
    std::shared_ptr<std::optional<Address>> named_;
};

/// Nothing listens there: the port of a listener that is already closed.
Address dead_address(net::asio::io_context& loop) {
    tcp::acceptor acceptor(loop, tcp::endpoint(net::asio::ip::address_v4::loopback(), 0));
    return {"127.0.0.1", acceptor.local_endpoint().port()};
}

struct Disagreement : Failover {
    testing::TemporaryRedis servers{1};
    Settings settings = servers.settings();

    Disagreement() { settings.fallback.reset(); }
};

TEST_F(Disagreement, PassesOverSentinelsThatNameADeadMaster) {
    FakeSentinel first(loop, dead_address(loop));
    FakeSentinel second(loop, servers.node(1));
    FakeSentinel third(loop, servers.node(0));
    settings.sentinels = {dead_address(loop), first.address(), second.address(), third.address()};
    connect(settings);
    EXPECT_EQ(client->master(), servers.node(0));
}

TEST_F(Disagreement, PrefersTheMasterThatMoreSentinelsName) {
    testing::TemporaryRedis stale_master;
    connect(stale_master.settings());
    Command same_password{"CONFIG", "SET", "requirepass", settings.password};
    auto setting = client->exec(std::move(same_password), soon());
    ASSERT_EQ(testing::run_on_loop(loop, std::move(setting)).text, "OK");

    FakeSentinel stale(loop, stale_master.node(0));
    FakeSentinel second(loop, servers.node(0));
    FakeSentinel third(loop, servers.node(0));
    settings.sentinels = {stale.address()};
    connect(settings);
    ASSERT_EQ(client->master(), stale_master.node(0)) << "alone it would be believed";

    settings.sentinels = {stale.address(), second.address(), third.address()};
    settings.health_interval_ms = 20;
    connect(settings);
    EXPECT_EQ(client->master(), servers.node(0));

    // Two that turn stale together outvote the third.
    second.name(stale_master.node(0));
    EXPECT_TRUE(testing::run_on_loop(loop, uses_by(*client, stale_master.node(0), soon())));
    second.name(servers.node(0));
    EXPECT_TRUE(testing::run_on_loop(loop, uses_by(*client, servers.node(0), soon())));
}

TEST_F(Disagreement, KeepsAWorkingMasterWhenTheNamedOneIsDead) {
    FakeSentinel sentinel(loop, servers.node(0));
    settings.sentinels = {sentinel.address()};
    settings.health_interval_ms = 20;
    connect(settings);
    sentinel.name(dead_address(loop));
    const auto watched_until = net::deadline_in(milliseconds(300));
    testing::run_on_loop(loop, uses_by(*client, Address{}, watched_until));
    EXPECT_EQ(client->master(), servers.node(0));
}

TEST_F(Disagreement, MovesFromTheFallbackToTheSentinelsMaster) {
    FakeSentinel sentinel(loop, std::nullopt);
    settings.sentinels = {sentinel.address()};
    settings.fallback = Address{"localhost", servers.node(0).port};
    settings.health_interval_ms = 20;
    connect(settings);
    EXPECT_EQ(client->master(), settings.fallback);
    sentinel.name(servers.node(0));
    EXPECT_TRUE(testing::run_on_loop(loop, uses_by(*client, servers.node(0), soon())));
}

TEST_F(Disagreement, DoesNotUseTheFallbackAgainstASentinel) {
    FakeSentinel sentinel(loop, servers.node(1));
    settings.sentinels = {sentinel.address()};
    settings.fallback = servers.node(0);
    client = std::make_unique<Client>(loop.get_executor(), settings, nullptr);
    client->start();
    EXPECT_FALSE(connects_by(milliseconds(300))) << "the sentinel names a replica";
    sentinel.name(servers.node(0));
    EXPECT_TRUE(connects_by(milliseconds(5000)));
}

}  // namespace
}  // namespace redis
