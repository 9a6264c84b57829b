#include "http/server.hpp"

#include <array>
#include <fcntl.h>
#include <map>
#include <stdexcept>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "base/neighbour_error.hpp"
#include "http/access_log.hpp"
#include "net/event.hpp"
#include "testing/run_on_loop.hpp"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

/// A connection that writes and reads bytes as told.
class RawPeer {
  public:
    RawPeer(asio::io_context& loop, std::uint16_t port) : loop_(loop), socket_(loop) {
        socket_.connect({asio::ip::address_v4::loopback(), port});
    }

    void write(std::string_view text) { asio::write(socket_, asio::buffer(text)); }

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
        socket_.set_option(asio::socket_base::linger(true, 0));
        socket_.close();
    }

  private:
    asio::awaitable<std::string> read_until_end() {
        bool more = true;
        while (more) more = co_await read_some();
        co_return std::exchange(received_, {});
    }

    asio::awaitable<std::string> read_until_empty_line() {
        bool more = true;
        while (more && received_.find("\r\n\r\n") == std::string::npos) {
            more = co_await read_some();
        }
        std::string head = received_.substr(0, received_.find("\r\n\r\n") + 4);
        received_.erase(0, head.size());
        co_return head;
    }

    asio::awaitable<std::string> read_so_many(std::size_t count) {
        bool more = true;
        while (more && received_.size() < count) more = co_await read_some();
        std::string bytes = received_.substr(0, count);
        received_.erase(0, count);
        co_return bytes;
    }

    asio::awaitable<std::string> read_one() {
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

    asio::awaitable<bool> read_some() {
        char bytes[4096];
        const auto [error, count] =
            co_await socket_.async_read_some(asio::buffer(bytes), as_result);
        received_.append(bytes, count);
        co_return !error;
    }

    asio::io_context& loop_;
    tcp::socket socket_;
    std::string received_;
};

class ServerTest : public testing::Test {
  protected:
    ServerTest() {
        router.add("*", "/echo", [this](http::Request& request) { return echo(request); });
        router.add("GET", "/things/{id}", [this](http::Request& request) { return echo(request); });
        router.add("GET", "/wait", [this](http::Request& request) { return wait(request); });
        router.add("GET", "/fail/{how}", [this](http::Request& request) { return fail(request); });
        router.add("GET", "/large", [this](http::Request& request) { return large(request); });
        limits.header_bytes_max = 2048;
        limits.body_bytes_max = 1000;
        limits.drain_timeout_ms = 5000;
    }

    net::awaitable<http::Response> echo(http::Request& request) {
        last_deadline_ms = net::time_left(request.deadline).count();
        last_id = request.request_id;
        last_trace = request.trace;
        last_has_state = request.headers.get("tracestate").has_value();
        co_return http::Response{
            200, {}, request.method + " " + request.path + "?" + request.query + " " + request.body
        };
    }

    net::awaitable<http::Response> wait(http::Request&) {
        ++waiting;
        co_await gate.wait();
        co_return http::Response{200, {}, "waited"};
    }

    net::awaitable<http::Response> fail(http::Request& request) {
        const auto how = request.path_parameter("how");
        using Effect = base::NeighbourError::Effect;
        if (how == "none") throw base::NeighbourError("redis", "gone", Effect::none);
        if (how == "unknown") throw base::NeighbourError("postgres", "gone", Effect::unknown);
        throw std::logic_error("a bug");
        co_return http::Response{};
    }

    /// As a room whose neighbour does not answer in the caller's time.
    static net::awaitable<http::Response> come_late(http::Request& request) {
        co_await net::sleep_for(net::time_left(request.deadline));
        throw base::NeighbourError("postgres", "timed out", base::NeighbourError::Effect::none);
        co_return http::Response{};
    }

    net::awaitable<http::Response> large(http::Request&) {
        co_return http::Response{200, {}, std::string(8 * 1024 * 1024, 'x')};
    }

    net::awaitable<http::Response> page() {
        http::Response response = http::json_response(200, std::string(2000, '1'));
        response.headers.add("ETag", "\"v1\"");
        response.headers.add("Vary", "Origin");
        response.headers.add("Vary", "Accept");
        co_return response;
    }

    http::Server& serve() {
        server.emplace(loop.get_executor(), limits, router, &metrics, "public");
        server->listen("127.0.0.1", 0);
        return *server;
    }

    RawPeer peer() { return {loop, server->port()}; }

    std::string ask(std::string_view text) { return peer().ask(text); }

    void run_until(const std::function<bool()>& condition) {
        const auto end = net::deadline_in(milliseconds(5000));
        loop.restart();
        while (!condition() && net::SteadyClock::now() < end) loop.run_one_until(end);
        ASSERT_TRUE(condition());
    }

    net::asio::io_context loop;
    http::Router router;
    http::ServerLimits limits;
    metrics::Registry metrics;
    net::Event gate{loop.get_executor()};
    int waiting = 0;
    std::int64_t last_deadline_ms = 0;
    std::string last_id;
    http::TraceContext last_trace;
    bool last_has_state = false;
    std::optional<http::Server> server;
};

constexpr std::string_view keep_alive_get = "GET /echo?a=1 HTTP/1.1\r\nHost: shop\r\n\r\n";

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

TEST_F(ServerTest, KeepsConnectionsAlive) {
    serve();
    auto caller = peer();
    for (int each = 0; each < 3; ++each) {
        caller.write(keep_alive_get);
        const auto response = caller.read_response();
        EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << response;
        EXPECT_TRUE(response.ends_with("\r\n\r\nGET /echo?a=1 ")) << response;
        EXPECT_FALSE(has(response, "Connection:"));
    }
    EXPECT_EQ(server->connections(), 1U);
    EXPECT_TRUE(has(metrics.text(), "route=\"/echo\"")) << metrics.text();
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
    serve();
    auto caller = peer();
    std::string text;
    for (int each = 0; each < 200; ++each) {
        text += "GET /things/" + std::to_string(each) + " HTTP/1.1\r\nHost: shop\r\n\r\n";
    }
    caller.write(text);
    for (int each = 0; each < 200; ++each) {
        const auto expected = "GET /things/" + std::to_string(each) + "? ";
        EXPECT_TRUE(caller.read_response().ends_with(expected));
    }
}

TEST_F(ServerTest, ReadsARequestThatComesByteByByte) {
    serve();
    auto caller = peer();
    for (const char letter :
         std::string_view("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")) {
        caller.write({&letter, 1});
        testing::run_on_loop(loop, net::sleep_for(milliseconds(0)));
    }
    EXPECT_TRUE(caller.read_response().ends_with("POST /echo? abc"));
}

TEST_F(ServerTest, ReadsChunkedBodies) {
    serve();
    auto caller = peer();
    caller.write(
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nHost: trailer\r\n\r\n"
    );
    EXPECT_TRUE(caller.read_response().ends_with("POST /echo? abcde"));
    caller.write(keep_alive_get);
    EXPECT_TRUE(caller.read_response().starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, HonoursConnectionCloseAndOldVersions) {
    serve();
    EXPECT_TRUE(has(
        ask("GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), "Connection: close\r\n"
    ));
    EXPECT_TRUE(has(ask("GET /echo HTTP/1.0\r\n\r\n"), "Connection: close\r\n"));
    auto old = peer();
    old.write("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_TRUE(has(old.read_response(), "Connection: keep-alive\r\n"));
}

TEST_F(ServerTest, AnswersHeadWithoutABody) {
    serve();
    const auto response = ask("HEAD /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(has(response, "Content-Length: 12\r\n")) << response;
    EXPECT_TRUE(response.ends_with("\r\n\r\n")) << response;
}

TEST_F(ServerTest, SaysContinueToThoseWhoWaitForIt) {
    serve();
    auto caller = peer();
    caller.write(
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\n"
        "Content-Length: 2\r\n\r\n"
    );
    EXPECT_EQ(caller.read_bytes(25), "HTTP/1.1 100 Continue\r\n\r\n");
    caller.write("ok");
    const auto response = caller.read_all();
    EXPECT_TRUE(response.starts_with("HTTP/1.1 200")) << response;
}

struct Refused {
    const char* request;
    int status;
    const char* code;
};

class RefusalTest : public ServerTest, public testing::WithParamInterface<Refused> {};

TEST_P(RefusalTest, IsAProblemAndEndsTheConnection) {
    serve();
    const auto response = ask(GetParam().request);
    EXPECT_TRUE(response.starts_with("HTTP/1.1 " + std::to_string(GetParam().status))) << response;
    EXPECT_TRUE(has(response, std::string("\"code\":\"") + GetParam().code + "\"")) << response;
    EXPECT_TRUE(has(response, "Connection: close\r\n"));
}

INSTANTIATE_TEST_SUITE_P(
    Malformed,
    RefusalTest,
    testing::Values(
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n"
            "\r\n0\r\n\r\n",
            400,
            "request_malformed"
        },
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n"
            "\r\n0\r\n\r\n",
            400,
            "request_malformed"
        },
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
            400,
            "request_malformed"
        },
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
            400,
            "request_malformed"
        },
        Refused{
            "POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "request_malformed"
        },
        Refused{"GET /echo HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400, "request_malformed"},
        Refused{"GET /echo HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n", 400, "request_malformed"},
        Refused{"GET /echo HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400, "request_malformed"},
        Refused{"GET /echo HTTP/2.0\r\nHost: a\r\n\r\n", 400, "request_malformed"},
        Refused{"hello\r\n\r\n", 400, "request_malformed"},
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            400,
            "request_malformed"
        },
        Refused{"GET /echo HTTP/1.1\r\n\r\n", 400, "host_missing"},
        Refused{"GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "host_missing"},
        Refused{"GET /a/../echo HTTP/1.1\r\nHost: a\r\n\r\n", 400, "path_invalid"},
        Refused{"GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n", 400, "path_invalid"},
        Refused{"GET http:///echo HTTP/1.1\r\nHost: a\r\n\r\n", 400, "path_invalid"},
        Refused{"GET http://b@a/echo HTTP/1.1\r\nHost: a\r\n\r\n", 400, "path_invalid"},
        Refused{"GET ftp://a/echo HTTP/1.1\r\nHost: a\r\n\r\n", 400, "path_invalid"},
        Refused{"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "path_invalid"},
        Refused{"GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "host_missing"},
        Refused{"GET /echo HTTP/1.1\nHost: a\n\n", 400, "request_malformed"},
        Refused{"GET /echo HTTP/1.1\r\nHost: a\n\n", 400, "request_malformed"},
        Refused{"GET /echo\r\n", 400, "request_malformed"},
        Refused{"\x16\x03\x01", 400, "request_malformed"},
        Refused{"\r\n\r\n\r\n\r\n\r\n\r\n", 400, "request_malformed"},
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
            400,
            "request_malformed"
        },
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
            400,
            "request_malformed"
        },
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
            400,
            "request_malformed"
        },
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
            400,
            "request_malformed"
        },
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413, "body_too_large"
        },
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n",
            413,
            "body_too_large"
        }
    )
);

TEST_F(ServerTest, LimitsHeaders) {
    serve();
    const std::string long_header(3000, 'x');
    EXPECT_TRUE(ask("GET /echo HTTP/1.1\r\nHost: a\r\nX: " + long_header + "\r\n\r\n")
                    .starts_with("HTTP/1.1 431"));
    EXPECT_TRUE(ask("GET /" + long_header).starts_with("HTTP/1.1 414")) << "endless";
    EXPECT_TRUE(
        ask("GET /" + long_header + " HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 414")
    );
    EXPECT_TRUE(ask("GET /echo HTTP/1.1\r\nX: " + long_header).starts_with("HTTP/1.1 431"));
}

TEST_F(ServerTest, ARefusedUploadSeesItsAnswer) {
    serve();
    auto caller = peer();
    caller.write("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    caller.write(std::string(100000, 'x'));
    EXPECT_TRUE(caller.read_all().starts_with("HTTP/1.1 413"));
}

TEST_F(ServerTest, DecoratesEveryAnswer) {
    router.decorate_with([](const http::Request& request, http::Response& answer) {
        answer.headers.add("X-Of", std::string(request.headers.get("Origin").value_or("nobody")));
    });
    limits.header_fields_max = 5;
    serve();
    const std::string rest = " HTTP/1.1\r\nHost: a\r\nOrigin: me\r\nConnection: close\r\n";
    const std::map<int, std::string> requests{
        {200, "GET /echo" + rest + "\r\n"},
        {400, "GET /echo/../x" + rest + "\r\n"},
        {404, "GET /none" + rest + "\r\n"},
        {405, "POST /wait" + rest + "\r\n"},
        {413, "POST /echo" + rest + "Content-Length: 9999\r\n\r\na"},
        {431, "GET /echo" + rest + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n"},
        {500, "GET /fail/bug" + rest + "\r\n"},
        {503, "GET /fail/none" + rest + "\r\n"}
    };
    const auto expect_decorated = [&](int status, const std::string& request) {
        const auto answer = ask(request);
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::to_string(status))) << answer;
        EXPECT_TRUE(has(answer, "\r\nX-Of: me\r\n")) << answer;
    };
    for (const auto& [status, request] : requests) expect_decorated(status, request);
    server.reset();
    limits.body_timeout_ms = 30;
    serve();
    expect_decorated(408, "POST /echo" + rest + "Content-Length: 3\r\n\r\na");
    server.reset();
    limits.header_timeout_ms = 30;
    serve();
    EXPECT_TRUE(has(ask("GET /echo HTT"), "\r\nX-Of: nobody\r\n")) << "408 of a head";
}

TEST_F(ServerTest, DecoratesARefusalWithNothingOfTheRequestBeforeIt) {
    router.decorate_with([](const http::Request& request, http::Response& answer) {
        answer.headers.add("X-Of", std::string(request.headers.get("Origin").value_or("nobody")));
    });
    serve();
    auto caller = peer();
    caller.write("GET /echo HTTP/1.1\r\nHost: a\r\nOrigin: me\r\n\r\n");
    EXPECT_TRUE(has(caller.read_response(), "X-Of: me\r\n"));
    EXPECT_TRUE(has(caller.ask("nonsense\r\n\r\n"), "X-Of: nobody\r\n"));
    limits.connections_max = 0;
    server.reset();
    serve();
    EXPECT_TRUE(has(peer().read_all(), "X-Of: nobody\r\n")) << "one connection too many";
}

TEST_F(ServerTest, ACallerWhoLeftTooLittleTimeIsNoErrorInTheLog) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe2(pipe.data(), O_NONBLOCK), 0);
    router.add("GET", "/late", [](http::Request& request) { return come_late(request); });
    limits.request_timeout_ms = 40;
    {
        http::AccessLog log(
            loop.get_executor(), "room", {http::AccessLogMode::errors}, metrics, pipe[1]
        );
        server.emplace(loop.get_executor(), limits, router, &metrics, "public", &log);
        server->listen("127.0.0.1", 0);
        const auto logged = [&](const std::string& header) {
            const auto answer =
                ask("GET /late HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + header + "\r\n");
            EXPECT_TRUE(answer.starts_with("HTTP/1.1 503")) << answer;
            log.flush();
            std::array<char, 4096> bytes;
            return ::read(pipe[0], bytes.data(), bytes.size()) > 0;
        };
        EXPECT_FALSE(logged("X-Deadline-Ms: 20\r\n"));
        EXPECT_TRUE(logged(""));
        EXPECT_TRUE(logged("X-Deadline-Ms: 5000\r\n")) << "more than is given anyway";
        server.reset();
    }
    ::close(pipe[0]);
    ::close(pipe[1]);
}

TEST_F(ServerTest, TakesOrMakesRequestIds) {
    serve();
    auto caller = peer();
    caller.write("GET /echo HTTP/1.1\r\nHost: a\r\nX-Request-Id: my-request_1\r\n\r\n");
    EXPECT_TRUE(has(caller.read_response(), "X-Request-Id: my-request_1\r\n"));
    caller.write("GET /echo HTTP/1.1\r\nHost: a\r\nX-Request-Id: bad id; x\r\n\r\n");
    const auto made = caller.read_response();
    EXPECT_TRUE(has(made, "X-Request-Id: " + last_id + "\r\n")) << made;
    EXPECT_EQ(last_id.size(), 16U);
    EXPECT_TRUE(has(ask("nonsense\r\n\r\n"), "\r\nX-Request-Id: ")) << "refusals too";
}

TEST_F(ServerTest, BoundsDeadlines) {
    limits.request_timeout_ms = 3000;
    serve();
    const auto ask_with = [&](const std::string& header) {
        ask("GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + header + "\r\n");
        return last_deadline_ms;
    };
    EXPECT_NEAR(static_cast<double>(ask_with("X-Deadline-Ms: 500\r\n")), 500, 100);
    EXPECT_NEAR(static_cast<double>(ask_with("X-Deadline-Ms: 999999\r\n")), 3000, 100);
    EXPECT_NEAR(static_cast<double>(ask_with("X-Deadline-Ms: soon\r\n")), 3000, 100);
    EXPECT_NEAR(static_cast<double>(ask_with("")), 3000, 100);
}

TEST_F(ServerTest, MapsFailuresOnce) {
    serve();
    const auto ask_for = [&](const std::string& how) {
        return ask(
            "GET /fail/" + how +
            " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
            "X-Request-Id: request-1\r\n\r\n"
        );
    };
    const auto none = ask_for("none");
    EXPECT_TRUE(none.starts_with("HTTP/1.1 503")) << none;
    EXPECT_TRUE(has(none, "\"code\":\"unavailable\"") && has(none, "Retry-After: 1\r\n"));
    const auto unknown = ask_for("unknown");
    EXPECT_TRUE(unknown.starts_with("HTTP/1.1 503")) << unknown;
    EXPECT_TRUE(has(unknown, "\"code\":\"unknown\"") && has(unknown, "Retry-After: 1\r\n"));
    const auto bug = ask_for("bug");
    EXPECT_TRUE(bug.starts_with("HTTP/1.1 500")) << bug;
    EXPECT_TRUE(has(bug, "\"code\":\"internal\"") && has(bug, "request-1"));
    EXPECT_FALSE(has(bug, "a bug\"")) << "what() stays in the log";
}

TEST_F(ServerTest, SurvivesCallersThatLeaveDuringAHandler) {
    serve();
    for (const bool reset : {true, false}) {
        auto caller = peer();
        caller.write("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
        run_until([&] { return waiting == 1; });
        reset ? caller.reset() : caller.close();
        waiting = 0;
        gate.notify();
        run_until([&] { return server->connections() == 0; });
    }
    auto other = peer();
    other.write(keep_alive_get);
    EXPECT_TRUE(other.read_response().starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, WritesLargeBodiesToSlowReaders) {
    serve();
    const auto response = ask("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_GT(response.size(), 8U * 1024 * 1024);
    EXPECT_TRUE(response.ends_with("xxxx"));
}

TEST_F(ServerTest, BoundsWhatWaitsForCallersThatDoNotRead) {
    constexpr std::string_view get_large =
        "GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    limits.unsent_bytes_max = 20 * 1024 * 1024;  // two of them
    serve();
    auto first = peer();
    auto second = peer();
    auto third = peer();
    first.write(get_large);
    second.write(get_large);
    run_until([&] { return server->connections() == 3; });
    const auto ends_early = third.ask(get_large);
    EXPECT_LT(ends_early.size(), 8U * 1024 * 1024);
    EXPECT_TRUE(has(metrics.text(), "doorbuster_http_answers_cut_off_total{server=\"public\"} 1\n")
    );
    EXPECT_TRUE(first.read_all().ends_with("xxxx"));
    EXPECT_TRUE(second.read_all().ends_with("xxxx"));
    // Given back by each of them: who was cut off, who read, and who left.
    for (int each = 0; each < 4; ++each) {
        auto leaving = peer();
        leaving.write(get_large);
        run_until([&] { return server->connections() == 1; });
        leaving.reset();
        run_until([&] { return server->connections() == 0; });
    }
    EXPECT_GT(ask(get_large).size(), 8U * 1024 * 1024);
}

TEST_F(ServerTest, BoundsTheBodiesThatCallersAreStillSending) {
    const auto head = [](int length) {
        return "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) +
               "\r\n\r\n";
    };
    limits.body_bytes_max = 40000;
    limits.received_bytes_max = 60000;
    serve();
    auto first = peer();
    first.write(head(40000) + "x");
    first.write(std::string(20000, 'x'));
    run_until([&] { return server->connections() == 1; });
    testing::run_on_loop(loop, net::sleep_for(milliseconds(50)));
    auto second = peer();
    const auto refused = second.ask(head(40000) + "x");
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 503")) << refused;
    EXPECT_TRUE(has(refused, "\"code\":\"busy\"")) << refused;
    auto small = peer();
    small.write(head(3) + "abc");
    EXPECT_TRUE(small.read_response().starts_with("HTTP/1.1 200")) << "short ones pass";
    first.write(std::string(19999, 'x'));
    EXPECT_TRUE(first.read_response().starts_with("HTTP/1.1 200"));
    auto third = peer();
    third.write(head(40000) + std::string(40000, 'y'));
    EXPECT_TRUE(third.read_response().starts_with("HTTP/1.1 200")) << "given back";
}

TEST_F(ServerTest, ClosesSlowAndIdleCallers) {
    limits.header_timeout_ms = 30;
    limits.body_timeout_ms = 30;
    limits.idle_timeout_ms = 30;
    serve();
    EXPECT_EQ(ask(""), "") << "idle";
    EXPECT_TRUE(ask("GET /echo HTT").starts_with("HTTP/1.1 408")) << "head";
    EXPECT_TRUE(ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na")
                    .starts_with("HTTP/1.1 408")
    ) << "body";
}

TEST_F(ServerTest, GivesABodyTimeForWhatCame) {
    limits.body_timeout_ms = 50;
    limits.body_bytes_per_s_min = 10;
    serve();
    auto caller = peer();
    caller.write("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc");
    testing::run_on_loop(loop, net::sleep_for(milliseconds(150)));
    caller.write("de");
    EXPECT_TRUE(caller.read_response().ends_with("abcde"));
}

TEST_F(ServerTest, HandsItsBuffersRoundWithoutMixingWhatIsInThem) {
    serve();
    std::vector<std::unique_ptr<RawPeer>> callers;
    for (int each = 0; each < 200; ++each) {
        callers.push_back(std::make_unique<RawPeer>(loop, server->port()));
    }
    for (int round = 0; round < 3; ++round) {
        // All are in the middle of a body at once, then all end it.
        for (std::size_t each = 0; each < callers.size(); ++each) {
            const auto body = std::to_string(each) + "-";
            callers[each]->write(
                "POST /echo?" + std::to_string(round) + " HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                std::to_string(body.size() + 1) + "\r\n\r\n" + body
            );
        }
        testing::run_on_loop(loop, net::sleep_for(milliseconds(5)));
        for (const auto& caller : callers) caller->write("x");
        for (std::size_t each = 0; each < callers.size(); ++each) {
            const auto expected =
                "POST /echo?" + std::to_string(round) + " " + std::to_string(each) + "-x";
            EXPECT_TRUE(callers[each]->read_response().ends_with("\r\n\r\n" + expected));
        }
    }
}

TEST_F(ServerTest, LimitsWhatIsPipelined) {
    limits.pipelined_max = 20;
    serve();
    auto caller = peer();
    std::string text;
    for (int each = 0; each < 30; ++each) text += keep_alive_get;
    caller.write(text);
    const auto answers = caller.read_all();
    std::size_t count = 0;
    for (auto at = answers.find("HTTP/1.1 200"); at != std::string::npos;
         at = answers.find("HTTP/1.1 200", at + 1)) {
        ++count;
    }
    EXPECT_EQ(count, 20U);
    EXPECT_TRUE(has(answers.substr(answers.rfind("HTTP/1.1")), "Connection: close\r\n"));
    auto patient = peer();
    for (int each = 0; each < 30; ++each) {
        patient.write(keep_alive_get);
        EXPECT_TRUE(patient.read_response().starts_with("HTTP/1.1 200")) << "one at a time";
    }
}

TEST_F(ServerTest, RefusesAtOnceWhatIsTooMuchButKeepsRoomForOperators) {
    limits.requests_max = 1;
    limits.requests_reserved = 1;
    router.add(
        "GET",
        "/operators",
        [this](http::Request& request) { return wait(request); },
        http::Admission::reserved
    );
    serve();
    auto busy = peer();
    busy.write("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    run_until([&] { return waiting == 1; });
    auto refused = peer();
    refused.write(keep_alive_get);
    const auto answer = refused.read_response();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 503")) << answer;
    EXPECT_TRUE(has(answer, "\"code\":\"busy\"") && has(answer, "Retry-After: 1\r\n"));
    auto reserved = peer();
    reserved.write("GET /operators HTTP/1.1\r\nHost: a\r\n\r\n");
    run_until([&] { return waiting == 2; });
    auto too_many = peer();
    too_many.write("GET /operators HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(too_many.read_response().starts_with("HTTP/1.1 503"));
    gate.notify();
    EXPECT_TRUE(busy.read_response().ends_with("waited"));
    EXPECT_TRUE(reserved.read_response().ends_with("waited"));
    refused.write(keep_alive_get);
    EXPECT_TRUE(refused.read_response().starts_with("HTTP/1.1 200")) << "there is room again";
}

TEST_F(ServerTest, TakesAbsoluteTargets) {
    serve();
    auto caller = peer();
    caller.write("GET HTTP://shop:80/echo?b=2 HTTP/1.1\r\nHost: shop\r\n\r\n");
    EXPECT_TRUE(caller.read_response().ends_with("GET /echo?b=2 "));
}

TEST_F(ServerTest, LimitsTheNumberOfHeaders) {
    limits.header_fields_max = 10;
    serve();
    std::string head = "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    for (int each = 0; each < 8; ++each) head += "X: y\r\n";
    EXPECT_TRUE(ask(head + "\r\n").starts_with("HTTP/1.1 200"));
    EXPECT_TRUE(ask(head + "X: y\r\n\r\n").starts_with("HTTP/1.1 431"));
}

TEST_F(ServerTest, LimitsWhatAChunkedBodyCostsBesides) {
    limits.body_bytes_max = 100000;
    serve();
    const std::string head =
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        "Transfer-Encoding: chunked\r\n\r\n";
    std::string small;
    for (int each = 0; each < 1000; ++each) small += "1\r\nx\r\n";
    EXPECT_TRUE(ask(head + small + "0\r\n\r\n").starts_with("HTTP/1.1 200"));
    EXPECT_TRUE(ask(head + small + small + "0\r\n\r\n").starts_with("HTTP/1.1 400"));
    std::string extended;
    for (int each = 0; each < 10; ++each) {
        extended += "1;" + std::string(200, 'a') + "\r\nx\r\n";
    }
    EXPECT_TRUE(ask(head + extended + "0\r\n\r\n").starts_with("HTTP/1.1 400"));
}

TEST_F(ServerTest, TellsWhoHasTheVersionAlready) {
    router.add("GET", "/page", [this](http::Request&) { return page(); });
    limits.gzip_bytes_min = 1000;
    serve();
    auto caller = peer();
    const auto ask_with = [&](const std::string& headers, const std::string& method = "GET") {
        caller.write(method + " /page HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n");
        return caller.read_response();
    };
    const auto whole = ask_with("");
    EXPECT_TRUE(has(whole, "ETag: \"v1\"\r\n") && has(whole, "Vary: Accept-Encoding\r\n")) << whole;
    EXPECT_TRUE(has(whole, "Vary: Origin\r\n") && has(whole, "Vary: Accept\r\n")) << "kept";
    EXPECT_FALSE(has(whole, "Content-Encoding"));
    const auto packed = ask_with("Accept-Encoding: br, gzip\r\n");
    EXPECT_TRUE(has(packed, "ETag: \"v1-gzip\"\r\n")) << packed;
    EXPECT_TRUE(has(packed, "Content-Encoding: gzip\r\n"));
    EXPECT_LT(packed.size(), 500U);
    caller.write("GET /page HTTP/1.1\r\nHost: a\r\nIf-None-Match: W/\"v1\"\r\n\r\n");
    const auto known = caller.read_head();
    EXPECT_TRUE(known.starts_with("HTTP/1.1 304 Not Modified\r\n")) << known;
    EXPECT_TRUE(has(known, "ETag: \"v1\"\r\n") && has(known, "Vary: Accept-Encoding\r\n"));
    EXPECT_FALSE(has(known, "Content-Length") || has(known, "Content-Type"));
    caller.write(
        "GET /page HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n"
        "If-None-Match: \"v0\", \"v1-gzip\"\r\n\r\n"
    );
    const auto known_packed = caller.read_head();
    EXPECT_TRUE(known_packed.starts_with("HTTP/1.1 304")) << known_packed;
    EXPECT_TRUE(has(known_packed, "ETag: \"v1-gzip\"\r\n"));
    caller.write(
        "GET /page HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n"
        "If-None-Match: \"v0-gzip\", \"v1\"\r\n\r\n"
    );
    const auto known_plain = caller.read_head();
    EXPECT_TRUE(known_plain.starts_with("HTTP/1.1 304")) << known_plain;
    EXPECT_TRUE(has(known_plain, "ETag: \"v1\"\r\n")) << "the one listed";
    EXPECT_TRUE(ask_with("If-None-Match: \"v0\"\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, PassesTracesOn) {
    serve();
    auto caller = peer();
    const std::string id = "0af7651916cd43dd8448eb211c80319c";
    caller.write(
        "GET /echo HTTP/1.1\r\nHost: a\r\nTraceParent: 00-" + id +
        "-b7ad6b7169203331-01\r\ntracestate: a=b\r\n\r\n"
    );
    caller.read_response();
    EXPECT_EQ(last_trace.trace_id(), id);
    EXPECT_TRUE(last_has_state);
    caller.write(
        "GET /echo HTTP/1.1\r\nHost: a\r\ntraceparent: 00-" + id +
        "-b7ad6b7169203331-1\r\ntracestate: a=b\r\n\r\n"
    );
    caller.read_response();
    EXPECT_NE(last_trace.trace_id(), id) << "not valid: a new one";
    EXPECT_FALSE(last_has_state);
}

TEST_F(ServerTest, ClosesCallersBeyondItsLimit) {
    limits.connections_max = 1;
    serve();
    auto first = peer();
    first.write(keep_alive_get);
    first.read_response();
    const auto refused = peer().read_all();
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 503")) << refused;
    EXPECT_TRUE(has(refused, "Retry-After: 1\r\n") && has(refused, "Connection: close\r\n"));
    first.write(keep_alive_get);
    EXPECT_TRUE(first.read_response().starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, LimitsConnectionsByAddress) {
    limits.connections_per_address_max = 2;
    serve();
    auto first = peer();
    first.write(keep_alive_get);
    first.read_response();
    {
        auto second = peer();
        second.write(keep_alive_get);
        second.read_response();
        EXPECT_TRUE(peer().read_all().starts_with("HTTP/1.1 503"));
    }
    run_until([&] { return server->connections() == 1; });
    auto third = peer();
    third.write(keep_alive_get);
    EXPECT_TRUE(third.read_response().starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, DrainsWhatIsUnderWay) {
    serve();
    auto idle = peer();
    idle.write(keep_alive_get);
    idle.read_response();
    auto busy = peer();
    busy.write("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    auto sent = peer();  // its request is in the kernel only when draining begins
    run_until([&] { return waiting == 1 && server->connections() == 3; });
    sent.write(keep_alive_get);
    bool drained = false;
    net::asio::co_spawn(loop, server->drain(), [&](std::exception_ptr) { drained = true; });
    EXPECT_EQ(idle.read_all(), "");
    EXPECT_TRUE(has(sent.read_all(), "Connection: close\r\n"));
    EXPECT_FALSE(drained);
    EXPECT_THROW(peer(), boost::system::system_error) << "the port is closed";
    gate.notify();
    EXPECT_TRUE(has(busy.read_all(), "Connection: close\r\n"));
    run_until([&] { return drained; });
    EXPECT_EQ(server->connections(), 0U);
}

TEST_F(ServerTest, DrainsWhoHasJustConnected) {
    serve();
    auto accepted = peer();
    run_until([&] { return server->connections() == 1; });
    auto in_backlog = peer();
    bool drained = false;
    net::asio::co_spawn(loop, server->drain(), [&](std::exception_ptr) { drained = true; });
    loop.restart();
    loop.poll();
    for (RawPeer* late : {&accepted, &in_backlog}) {
        late->write(keep_alive_get);
        const auto answer = late->read_all();
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
        EXPECT_TRUE(has(answer, "Connection: close\r\n"));
    }
    run_until([&] { return drained; });
}

TEST_F(ServerTest, DrainWaitsShortlyForFirstRequests) {
    limits.drain_timeout_ms = 60000;
    serve();
    auto silent = peer();
    run_until([&] { return server->connections() == 1; });
    testing::run_on_loop(loop, server->drain(), std::chrono::seconds(5));
    EXPECT_EQ(silent.read_all(), "");
}

TEST_F(ServerTest, DrainEndsInTime) {
    limits.drain_timeout_ms = 30;
    serve();
    auto busy = peer();
    busy.write("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    run_until([&] { return waiting == 1; });
    testing::run_on_loop(loop, server->drain());
    EXPECT_EQ(busy.read_all(), "");
    gate.notify();
    run_until([&] { return server->connections() == 0; });
}

TEST_F(ServerTest, AnnouncesThatItWillClose) {
    serve();
    auto old = peer();
    old.write(keep_alive_get);
    old.read_response();
    server->close_after_responses();
    old.write(keep_alive_get);
    EXPECT_TRUE(has(old.read_all(), "Connection: close\r\n"));
    auto late = peer();
    late.write(keep_alive_get);
    EXPECT_TRUE(has(late.read_all(), "HTTP/1.1 200"));
}

TEST_F(ServerTest, ReportsATakenPort) {
    serve();
    http::Server second(loop.get_executor(), limits, router, nullptr, "second");
    EXPECT_THROW(second.listen("127.0.0.1", server->port()), std::system_error);
}

TEST_F(ServerTest, MayBeDestroyedWithRequestsUnderWay) {
    serve();
    auto busy = peer();
    busy.write("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    run_until([&] { return waiting == 1; });
    server.reset();
    gate.notify();
    EXPECT_EQ(busy.read_all(), "");
}

}  // namespace
