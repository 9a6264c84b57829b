#include "http/server.hpp"

#include <array>
#include <fcntl.h>
#include <map>
#include <system_error>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include "http/access_log.hpp"
#include "http/server_fixture.test.hpp"

namespace {

using http::RawPeer;
using http::ServerTest;

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
