#include "http/client.hpp"

#include <deque>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "http/server.hpp"
#include "net/event.hpp"
#include "testing/run_on_loop.hpp"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;
using Stage = http::TransportError::Stage;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server that does as the test says with each connection: read a request, then write the next
/// reply of the script; an empty reply closes, "hang" says nothing more, "die" closes and takes no
/// other connection.
class ScriptedServer {
  public:
    explicit ScriptedServer(asio::io_context& loop) : state_(std::make_shared<State>(loop)) {
        asio::co_spawn(loop, accept(state_), asio::detached);
    }
    ~ScriptedServer() { state_->acceptor.close(); }

    void then(std::string_view reply) { state_->script.emplace_back(reply); }
    std::uint16_t port() const { return state_->acceptor.local_endpoint().port(); }
    int accepted() const { return state_->accepted; }
    const std::vector<std::string>& requests() const { return state_->requests; }
    /// Closes every connection that waits for a request.
    void close_idle() {
        for (const auto& socket : state_->sockets) socket->close();
    }

  private:
    struct State {
        explicit State(asio::io_context& loop)
            : acceptor(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {}
        tcp::acceptor acceptor;
        std::deque<std::string> script;
        std::vector<std::string> requests;
        std::vector<std::shared_ptr<tcp::socket>> sockets;
        int accepted = 0;
    };

    static asio::awaitable<void> accept(std::shared_ptr<State> state) {
        while (state->acceptor.is_open()) {
            auto socket = std::make_shared<tcp::socket>(state->acceptor.get_executor());
            const auto [error] = co_await state->acceptor.async_accept(*socket, as_result);
            if (error) co_return;
            ++state->accepted;
            state->sockets.push_back(socket);
            asio::co_spawn(state->acceptor.get_executor(), serve(state, socket), asio::detached);
        }
    }

    static asio::awaitable<void> serve(
        std::shared_ptr<State> state, std::shared_ptr<tcp::socket> socket
    ) {
        while (true) {
            std::string text(4096, '\0');
            const auto [error, bytes] =
                co_await socket->async_read_some(asio::buffer(text), as_result);
            if (error) break;
            state->requests.push_back(text.substr(0, bytes));
            std::string reply;
            if (!state->script.empty()) {
                reply = state->script.front();
                state->script.pop_front();
            }
            if (reply == "hang") continue;
            if (reply == "die") {
                state->acceptor.close();
                break;
            }
            if (reply.empty()) break;
            const bool then_close = reply.ends_with("<close>");
            if (then_close) reply.resize(reply.size() - 7);
            co_await asio::async_write(*socket, asio::buffer(reply), as_result);
            if (then_close) break;
        }
        socket->close();
    }

    std::shared_ptr<State> state_;
};

struct Asked {
    int status = 0;
    std::string body;
    std::optional<Stage> failed;
    bool timed_out = false;
};

net::awaitable<Asked> ask_client(
    http::Client& client, http::OutgoingRequest request, milliseconds time
) {
    Asked asked;
    try {
        const http::Response response =
            co_await client.send(std::move(request), net::deadline_in(time));
        asked.status = response.status;
        asked.body = response.body;
    } catch (const http::TransportError& error) {
        asked.failed = error.stage();
        asked.timed_out = error.timed_out();
    }
    co_return asked;
}

class ClientTest : public testing::Test {
  protected:
    http::Client& client() {
        if (!client_) {
            client_.emplace(loop.get_executor(), http::Origin{"127.0.0.1", server.port()}, limits);
        }
        return *client_;
    }

    Asked ask(const http::OutgoingRequest& request = {}, int time_ms = 2000) {
        return testing::run_on_loop(loop, ask_client(client(), request, milliseconds(time_ms)));
    }

    void start(std::vector<Asked>& outcomes, int time_ms = 2000) {
        asio::co_spawn(
            loop,
            ask_client(client(), {}, milliseconds(time_ms)),
            [&outcomes](std::exception_ptr, Asked asked) { outcomes.push_back(asked); }
        );
    }

    void run_until(const std::function<bool()>& condition) {
        const auto end = net::deadline_in(milliseconds(5000));
        loop.restart();
        while (!condition() && net::SteadyClock::now() < end) loop.run_one_until(end);
        ASSERT_TRUE(condition());
    }

    void settle() {
        loop.restart();
        while (loop.poll() > 0) {
        }
    }

    asio::io_context loop;
    ScriptedServer server{loop};
    http::ClientLimits limits;
    std::optional<http::Client> client_;
};

const http::OutgoingRequest unsafe_post{
    .method = "POST", .target = "/", .headers = {}, .body = "x"
};

http::OutgoingRequest safe_post() {
    auto request = unsafe_post;
    request.headers.add("Idempotency-Key", "key-1");
    return request;
}

TEST(Origin, ReadsAddresses) {
    EXPECT_EQ(http::Origin::parse("order:8080"), (http::Origin{"order", 8080}));
    EXPECT_EQ(http::Origin::parse("http://order:8080/"), (http::Origin{"order", 8080}));
    EXPECT_EQ(http::Origin::parse("[::1]:80"), (http::Origin{"::1", 80}));
    EXPECT_EQ((http::Origin{"::1", 80}).to_string(), "[::1]:80");
    for (const auto* wrong :
         {"",
          "order",
          ":80",
          "order:",
          "order:0",
          "order:99999",
          "a b:1",
          "https://order:443",
          "order:80/path",
          "1:2:3"}) {
        EXPECT_FALSE(http::Origin::parse(wrong).has_value()) << wrong;
    }
}

TEST_F(ClientTest, ReusesItsConnection) {
    for (int each = 0; each < 3; ++each) server.then(ok);
    for (int each = 0; each < 3; ++each) EXPECT_EQ(ask().body, "ok");
    EXPECT_EQ(server.accepted(), 1);
    EXPECT_EQ(client().connections(), 1U);
}

TEST_F(ClientTest, WritesWhatIsNeeded) {
    server.then(ok);
    server.then(ok);
    auto traced = safe_post();
    traced.trace = http::TraceContext::make();
    ask(traced);
    const auto host = "Host: 127.0.0.1:" + std::to_string(server.port()) + "\r\n";
    const auto trace_of = [&](std::size_t index) {
        const std::string& text = server.requests().at(index);
        return text.substr(text.find("traceparent: ") + 13, 55);
    };
    EXPECT_EQ(trace_of(0).substr(3, 32), traced.trace->trace_id());
    EXPECT_EQ(
        server.requests().at(0),
        "POST / HTTP/1.1\r\n" + host + "Idempotency-Key: key-1\r\ntraceparent: " + trace_of(0) +
            "\r\nContent-Length: 1\r\n\r\nx"
    );
    ask();
    EXPECT_EQ(
        server.requests().at(1),
        "GET / HTTP/1.1\r\n" + host + "traceparent: " + trace_of(1) + "\r\n\r\n"
    );
    EXPECT_TRUE(http::TraceContext::parse(trace_of(1)).has_value()) << "a trace of its own";
}

TEST_F(ClientTest, ReadsEveryFraming) {
    server.then(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    );
    EXPECT_EQ(ask().body, "abc");
    server.then("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_EQ(ask().status, 204);
    server.then("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    EXPECT_EQ(ask({.method = "HEAD", .target = "/", .headers = {}, .body = {}}).status, 200);
    EXPECT_EQ(server.accepted(), 1);
    server.then("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end<close>");
    EXPECT_EQ(ask().body, "until the end");
    server.then(ok);
    EXPECT_EQ(ask().body, "ok");
    EXPECT_EQ(server.accepted(), 2);
}

TEST_F(ClientTest, HonoursConnectionClose) {
    server.then("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(ask().status, 200);
    EXPECT_EQ(client().connections(), 0U);
}

TEST_F(ClientTest, DropsAConnectionThatThePeerClosedWhileIdle) {
    server.then(ok);
    ask();
    server.close_idle();
    settle();
    EXPECT_EQ(client().connections(), 0U);
    server.then(ok);
    EXPECT_EQ(ask(unsafe_post).body, "ok");
}

TEST_F(ClientTest, ReplacesAStaleConnectionOnceForWhatMayBeRepeated) {
    server.then(ok);
    ask();
    server.then("");  // closes on the second request, as if it had crossed with the idle timeout
    server.then(ok);
    EXPECT_EQ(ask(safe_post()).body, "ok");
    EXPECT_EQ(server.accepted(), 2);
    server.then("");
    server.then("");
    server.then(ok);
    EXPECT_EQ(ask().failed, Stage::exchange) << "once only";
    EXPECT_EQ(server.requests().size(), 5U);
}

TEST_F(ClientTest, WhatWasSentToAPeerThatIsGoneMayHaveBeenServed) {
    server.then(ok);
    ask();
    server.then("die");
    EXPECT_EQ(ask(safe_post()).failed, Stage::exchange) << "not connect: it was sent once";
}

TEST_F(ClientTest, ReplacesAStaleConnectionThatWasNeverUsed) {
    EXPECT_TRUE(ask({}, 0).failed) << "too late for the connection it asked for";
    run_until([&] { return server.accepted() == 1; });
    settle();
    EXPECT_EQ(client().connections(), 1U);
    server.then("");
    server.then(ok);
    EXPECT_EQ(ask().body, "ok");
    EXPECT_EQ(server.accepted(), 2);
}

TEST_F(ClientTest, NeverRepeatsWhatIsNotSafe) {
    server.then(ok);
    ask();
    server.then("");
    const auto asked = ask(unsafe_post);
    EXPECT_EQ(asked.failed, Stage::exchange);
    EXPECT_FALSE(asked.timed_out);
    EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(ClientTest, TellsStagesApart) {
    server.then("");
    EXPECT_EQ(ask().failed, Stage::exchange) << "a fresh connection is no stale one";
    server.then("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab<close>");
    EXPECT_EQ(ask().failed, Stage::response);
    server.then("HTTP/1.1 2");
    const auto slow = ask({}, 50);
    EXPECT_EQ(slow.failed, Stage::response);
    EXPECT_TRUE(slow.timed_out);
    server.then("nonsense\r\n\r\n");
    EXPECT_EQ(ask().failed, Stage::response);
    server.then("hang");
    const auto silent = ask({}, 50);
    EXPECT_EQ(silent.failed, Stage::exchange);
    EXPECT_TRUE(silent.timed_out);
    EXPECT_EQ(client().connections(), 0U) << "a connection that timed out is never reused";
}

TEST_F(ClientTest, ReportsARefusedConnect) {
    tcp::acceptor taken(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    const auto port = taken.local_endpoint().port();
    taken.close();
    client_.emplace(loop.get_executor(), http::Origin{"127.0.0.1", port}, limits);
    const auto asked = ask();
    EXPECT_EQ(asked.failed, Stage::connect);
    EXPECT_FALSE(asked.timed_out);
    EXPECT_EQ(client().connections(), 0U);
}

TEST_F(ClientTest, ResolvesNames) {
    client_.emplace(loop.get_executor(), http::Origin{"localhost", server.port()}, limits);
    server.then(ok);
    EXPECT_EQ(ask().body, "ok");
    client_.emplace(loop.get_executor(), http::Origin{"no-such-name.invalid", 1}, limits);
    EXPECT_EQ(ask().failed, Stage::connect);
}

TEST_F(ClientTest, BoundsConnectionsAndServesWaitersInOrder) {
    limits.connections_max = 2;
    for (int each = 0; each < 6; ++each) server.then(ok);
    std::vector<Asked> outcomes;
    for (int each = 0; each < 6; ++each) start(outcomes);
    run_until([&] { return outcomes.size() == 6; });
    for (const auto& asked : outcomes) EXPECT_EQ(asked.body, "ok");
    EXPECT_LE(server.accepted(), 2);
    EXPECT_EQ(client().waiting(), 0U);
}

TEST_F(ClientTest, ForgetsWaitersWhoseDeadlinePassed) {
    limits.connections_max = 1;
    server.then("hang");
    std::vector<Asked> first;
    start(first, 300);
    run_until([&] { return server.requests().size() == 1; });
    const auto late = ask({}, 30);
    EXPECT_EQ(late.failed, Stage::queue);
    EXPECT_TRUE(late.timed_out);
    EXPECT_EQ(client().waiting(), 0U);
    server.then(ok);
    run_until([&] { return first.size() == 1; });
    EXPECT_EQ(ask().body, "ok") << "the slot is free again";
    EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(ClientTest, BoundsItsQueue) {
    limits.connections_max = 1;
    limits.waiting_max = 1;
    server.then("hang");
    std::vector<Asked> outcomes;
    start(outcomes, 200);
    run_until([&] { return server.requests().size() == 1; });
    start(outcomes, 200);
    settle();
    EXPECT_EQ(client().waiting(), 1U);
    const auto refused = ask();
    EXPECT_EQ(refused.failed, Stage::queue);
    EXPECT_FALSE(refused.timed_out);
    run_until([&] { return outcomes.size() == 2; });
}

TEST_F(ClientTest, ClosesIdleConnections) {
    limits.idle_timeout_ms = 20;
    server.then(ok);
    ask();
    EXPECT_EQ(client().connections(), 1U);
    run_until([&] { return client().connections() == 0; });
}

TEST_F(ClientTest, RefusesResponsesThatAreTooLarge) {
    limits.response_bytes_max = 10;
    server.then("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n");
    EXPECT_EQ(ask().failed, Stage::response);
}

TEST_F(ClientTest, MayBeDestroyedWithCallersWaiting) {
    limits.connections_max = 1;
    server.then("hang");
    std::vector<Asked> outcomes;
    start(outcomes);
    run_until([&] { return server.requests().size() == 1; });
    start(outcomes);
    settle();
    client_.reset();
    run_until([&] { return outcomes.size() == 2; });
    EXPECT_TRUE(outcomes[0].failed.has_value() && outcomes[1].failed.has_value());
}

TEST_F(ClientTest, CarriesLargeBodiesBothWays) {
    http::Router router;
    router.add("POST", "/", [](http::Request& request) -> net::awaitable<http::Response> {
        co_return http::Response{200, {}, std::move(request.body)};
    });
    http::ServerLimits server_limits;
    server_limits.body_bytes_max = 3 * 1024 * 1024;
    http::Server real(loop.get_executor(), server_limits, router, nullptr, "real");
    real.listen("127.0.0.1", 0);
    client_.emplace(loop.get_executor(), http::Origin{"127.0.0.1", real.port()}, limits);
    auto request = unsafe_post;
    request.body = std::string(3 * 1024 * 1024, 'y');
    EXPECT_EQ(ask(request).body, request.body);
    EXPECT_EQ(ask(request).body, request.body);
    EXPECT_EQ(client().connections(), 1U);
}

}  // namespace
