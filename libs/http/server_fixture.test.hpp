#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "base/neighbour_error.hpp"
#include "http/server.hpp"
#include "net/event.hpp"
#include "testing/run_on_loop.hpp"

namespace http {

/// A connection that writes and reads bytes as told.
class RawPeer {
  public:
    RawPeer(net::asio::io_context& loop, std::uint16_t port) : loop_(loop), socket_(loop) {
        socket_.connect({net::asio::ip::address_v4::loopback(), port});
    }

    void write(std::string_view text) { net::asio::write(socket_, net::asio::buffer(text)); }

    /// What comes until the server closes.
    std::string read_all() { return testing::run_on_loop(loop_, read_until_end()); }

    /// One response without a body.
    std::string read_head() { return testing::run_on_loop(loop_, read_until_empty_line()); }

    /// Exactly one response with a Content-Length.
    std::string read_response() { return testing::run_on_loop(loop_, read_one()); }

    std::string read_bytes(std::size_t count) {
        return testing::run_on_loop(loop_, read_so_many(count));
    }

    std::string ask(std::string_view text) {
        write(text);
        return read_all();
    }

    void close() { socket_.close(); }
    void reset() {
        socket_.set_option(net::asio::socket_base::linger(true, 0));
        socket_.close();
    }

  private:
    net::awaitable<std::string> read_until_end() {
        bool more = true;
        while (more) more = co_await read_some();
        co_return std::exchange(received_, {});
    }

    net::awaitable<std::string> read_until_empty_line() {
        bool more = true;
        while (more && received_.find("\r\n\r\n") == std::string::npos) {
            more = co_await read_some();
        }
        std::string head = received_.substr(0, received_.find("\r\n\r\n") + 4);
        received_.erase(0, head.size());
        co_return head;
    }

    net::awaitable<std::string> read_so_many(std::size_t count) {
        bool more = true;
        while (more && received_.size() < count) more = co_await read_some();
        std::string bytes = received_.substr(0, count);
        received_.erase(0, count);
        co_return bytes;
    }

    net::awaitable<std::string> read_one() {
        while (true) {
            const auto head = received_.find("\r\n\r\n");
            const auto length = received_.find("Content-Length: ");
            if (head != std::string::npos && length < head) {
                const auto total = head + 4 + std::stoul(received_.substr(length + 16));
                if (received_.size() >= total) {
                    std::string one = received_.substr(0, total);
                    received_.erase(0, total);
                    co_return one;
                }
            }
            const bool more = co_await read_some();
            if (!more) co_return std::exchange(received_, {});
        }
    }

    net::awaitable<bool> read_some() {
        char bytes[4096];
        const auto [error, count] = co_await socket_.async_read_some(
            net::asio::buffer(bytes), net::asio::as_tuple(net::asio::use_awaitable)
        );
        received_.append(bytes, count);
        co_return !error;
    }

    net::asio::io_context& loop_;
    net::asio::ip::tcp::socket socket_;
    std::string received_;
};

/// A server with handlers that echo, wait, fail and answer much, and callers of it on the same
/// loop. serve() starts it, so that a test may set limits and routes before.
class ServerTest : public ::testing::Test {
  protected:
    static constexpr std::string_view keep_alive_get =
        "GET /echo?a=1 HTTP/1.1\r\nHost: shop\r\n\r\n";

    ServerTest() {
        router.add("*", "/echo", [this](Request& request) { return echo(request); });
        router.add("GET", "/things/{id}", [this](Request& request) { return echo(request); });
        router.add("GET", "/wait", [this](Request& request) { return wait(request); });
        router.add("GET", "/fail/{how}", [this](Request& request) { return fail(request); });
        router.add("GET", "/large", [this](Request& request) { return large(request); });
        limits.header_bytes_max = 2048;
        limits.body_bytes_max = 1000;
        limits.drain_timeout_ms = 5000;
    }

    net::awaitable<Response> echo(Request& request) {
        last_deadline_ms = net::time_left(request.deadline).count();
        last_id = request.request_id;
        last_trace = request.trace;
        last_has_state = request.headers.get("tracestate").has_value();
        co_return Response{
            200, {}, request.method + " " + request.path + "?" + request.query + " " + request.body
        };
    }

    net::awaitable<Response> wait(Request&) {
        ++waiting;
        co_await gate.wait();
        co_return Response{200, {}, "waited"};
    }

    net::awaitable<Response> fail(Request& request) {
        const auto how = request.path_parameter("how");
        using Effect = base::NeighbourError::Effect;
        if (how == "none") throw base::NeighbourError("redis", "gone", Effect::none);
        if (how == "unknown") throw base::NeighbourError("postgres", "gone", Effect::unknown);
        throw std::logic_error("a bug");
        co_return Response{};
    }

    /// As a room whose neighbour does not answer in the caller's time.
    static net::awaitable<Response> come_late(Request& request) {
        co_await net::sleep_for(net::time_left(request.deadline));
        throw base::NeighbourError("postgres", "timed out", base::NeighbourError::Effect::none);
        co_return Response{};
    }

    net::awaitable<Response> large(Request&) {
        co_return Response{200, {}, std::string(8 * 1024 * 1024, 'x')};
    }

    net::awaitable<Response> page() {
        Response response = json_response(200, std::string(2000, '1'));
        response.headers.add("ETag", "\"v1\"");
        response.headers.add("Vary", "Origin");
        response.headers.add("Vary", "Accept");
        co_return response;
    }

    Server& serve() {
        server.emplace(loop.get_executor(), limits, router, &metrics, "public");
        server->listen("127.0.0.1", 0);
        return *server;
    }

    RawPeer peer() { return {loop, server->port()}; }

    std::string ask(std::string_view text) { return peer().ask(text); }

    static bool has(const std::string& text, std::string_view part) {
        return text.find(part) != std::string::npos;
    }

    void run_until(const std::function<bool()>& condition) {
        const auto end = net::deadline_in(std::chrono::milliseconds(5000));
        loop.restart();
        while (!condition() && net::SteadyClock::now() < end) loop.run_one_until(end);
        ASSERT_TRUE(condition());
    }

    net::asio::io_context loop;
    Router router;
    ServerLimits limits;
    metrics::Registry metrics;
    net::Event gate{loop.get_executor()};
    int waiting = 0;
    std::int64_t last_deadline_ms = 0;
    std::string last_id;
    TraceContext last_trace;
    bool last_has_state = false;
    std::optional<Server> server;
};

}  // namespace http
