#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/timestamp.hpp"
#include "gateway/api/routes.hpp"
#include "http/client.hpp"
#include "http/server.hpp"
#include "net/event.hpp"
#include "testing/run_on_loop.hpp"
#include "token/access_token.hpp"

namespace gateway {

/// One pod of a room: a real server that answers as told and remembers what it was asked.
class FakePod {
  public:
    explicit FakePod(net::asio::io_context& loop)
        : executor_(loop.get_executor()), gate_(executor_) {
        router_.add("*", "/*", [this](http::Request& request) { return answer(request); });
        server_.emplace(loop.get_executor(), http::ServerLimits{}, router_, nullptr, "fake");
        server_->listen("127.0.0.1", 0);
    }

    /// From now on requests hang, as if the process were stopped.
    void stop() { is_stopped_ = true; }
    void resume() {
        is_stopped_ = false;
        gate_.notify();
    }
    /// Further requests are answered; those that hang go on hanging.
    void answer_others() { is_stopped_ = false; }
    /// The next request's connection breaks without an answer.
    void break_next() { breaks_next_ = true; }
    void crash() { server_.reset(); }

    http::Origin origin() const { return {"127.0.0.1", server_->port()}; }

    http::Response response{200, {}, "from a room"};
    std::vector<http::Request> requests;
    std::vector<std::int64_t> deadlines_ms;

  private:
    net::awaitable<http::Response> answer(http::Request& request) {
        requests.push_back(request);
        deadlines_ms.push_back(net::time_left(request.deadline).count());
        if (breaks_next_) {
            breaks_next_ = false;
            const auto port = server_->port();
            server_.reset();
            server_.emplace(executor_, http::ServerLimits{}, router_, nullptr, "fake");
            server_->listen("127.0.0.1", port);
        }
        if (is_stopped_) co_await gate_.wait();
        co_return response;
    }

    net::Executor executor_;
    net::Event gate_;
    bool is_stopped_ = false;
    bool breaks_next_ = false;
    http::Router router_;
    std::optional<http::Server> server_;
};

struct Answer {
    int status = 0;
    http::Headers headers = {};
    std::string body = {};
    std::int64_t took_ms = 0;
};

/// The door as clients meet it: the room's routes on a server of their own, before one pod of each
/// room and two of order. Opens with the first request, so that a test may set things before.
class GatewayTest : public ::testing::Test {
  protected:
    static constexpr std::int64_t ejection_ms = 300;

    GatewayTest() {
        order_settings.room = "order";
        order_settings.attempt_timeout_ms = 200;
        order_settings.ejection.first_ms = ejection_ms;
        order_settings.resolve_to_pods = true;
    }

    void open() {
        if (order_settings.origins.empty()) {
            order_settings.origins = {order_1.origin(), order_2.origin()};
        }
        rooms.clear();
        const auto add = [&](UpstreamSettings settings) {
            rooms.push_back(
                std::make_unique<Upstream>(loop.get_executor(), metrics, std::move(settings))
            );
        };
        add(single("echo", echo));
        add(single("auth", auth));
        add(single("product", product));
        add(order_settings);
        for (const auto& room : rooms) room->start();
        limiter.emplace(loop.get_executor(), metrics, limiter_settings);
        limits.emplace(*limiter, metrics);
        cors.emplace(cors_settings);
        door.emplace(access, *limits, proxies, metrics, busy);
        router = {};
        const Rooms behind{*rooms[0], *rooms[1], *rooms[2], *rooms[3]};
        add_routes(router, *door, *cors, behind, deadlines);
        server.emplace(loop.get_executor(), http::ServerLimits{}, router, &metrics, "public");
        server->listen("127.0.0.1", 0);
        client.emplace(
            loop.get_executor(), http::Origin{"127.0.0.1", server->port()}, http::ClientLimits{}
        );
    }

    UpstreamSettings single(const std::string& room, const FakePod& pod) {
        UpstreamSettings settings;
        settings.room = room;
        settings.origins = {pod.origin()};
        settings.silent_after_ms = 200;
        settings.breaker.failures_min = 5;
        settings.breaker.open_ms = 300;
        settings.retries.at_least = 5;
        return settings;
    }

    void limit(Limit which, std::int64_t requests) {
        const Quota quota{requests, 60'000'000};
        limiter_settings.quotas[static_cast<std::size_t>(which)] = quota;
    }

    static bool has_code(const Answer& answer, std::string_view code) {
        return answer.body.find("\"code\":\"" + std::string(code) + "\"") != std::string::npos;
    }

    bool has_metric(const std::string& line) {
        return metrics.text().find(line + "\n") != std::string::npos;
    }

    std::string token(token::Role role, std::uint8_t account = 1, std::int64_t age_s = 0) {
        token::Claims claims;
        claims.account_id = base::Uuid{{account}};
        claims.role = role;
        claims.issued_at_s = base::unix_now_ms() / 1000 - age_s;
        claims.expires_at_s = claims.issued_at_s + 60;
        return "Bearer " + key.sign(claims);
    }

    Answer ask(
        const std::string& method,
        const std::string& target,
        std::vector<http::Headers::Field> fields = {},
        std::string body = {}
    ) {
        if (!server) open();
        http::OutgoingRequest request{method, target, {}, std::move(body)};
        for (auto& [name, value] : fields) request.headers.add(name, value);
        return testing::run_on_loop(
            loop, ask_through(*client, request, std::chrono::milliseconds(8000))
        );
    }

    static net::awaitable<Answer> ask_through(
        http::Client& client, const http::OutgoingRequest& request, std::chrono::milliseconds time
    ) {
        const auto began = net::SteadyClock::now();
        const auto response = co_await client.send(request, net::deadline_in(time));
        const auto took =
            std::chrono::duration_cast<std::chrono::milliseconds>(net::SteadyClock::now() - began)
                .count();
        co_return Answer{response.status, response.headers, response.body, took};
    }

    /// Somebody behind a proxy that is trusted.
    Answer ask_from(
        const char* address, const std::string& target, const std::string& authorization
    ) {
        std::string wrong;
        proxies = service::TrustedProxies::parse("127.0.0.1", wrong);
        std::vector<http::Headers::Field> fields{{"X-Forwarded-For", address}};
        if (!authorization.empty()) fields.emplace_back("Authorization", authorization);
        return ask("GET", target, fields);
    }

    /// With a right key's name and a wrong signature.
    std::string forged_token() {
        std::string text = token(token::Role::admin);
        char& letter = text[text.size() - 10];
        letter = letter == 'A' ? 'B' : 'A';
        return text;
    }

    /// Of a request that came with `own_time`, of which 60 ms are left.
    bool is_cut_short(std::optional<std::chrono::milliseconds> own_time) {
        if (!server) open();
        http::Request request;
        request.method = "GET";
        request.target = "/api/v1/products";
        request.remote_address = "127.0.0.1";
        request.trace = http::TraceContext::make();
        request.deadline = net::deadline_in(std::chrono::milliseconds(60));
        request.own_time = own_time;
        const Passage passage{
            .room = rooms[2].get(), .caller = Caller::anyone, .limit = Limit::browse
        };
        EXPECT_EQ(testing::run_on_loop(loop, door->pass(request, passage)).status, 503);
        return request.notes.is_cut_short;
    }

    Answer ask_as(
        token::Role role,
        const std::string& method,
        const std::string& target,
        std::vector<http::Headers::Field> fields = {}
    ) {
        fields.emplace_back("Authorization", token(role));
        return ask(method, target, fields);
    }

    /// A customer, who has this account.
    Answer ask_as(std::uint8_t account, const std::string& method, const std::string& target) {
        return ask(method, target, {{"Authorization", token(token::Role::customer, account)}});
    }

    Answer buy(const std::string& key_text = "key-1") {
        return ask_as(
            token::Role::customer,
            "POST",
            "/api/v1/flash-sales/1/orders",
            {{"Idempotency-Key", key_text}}
        );
    }

    std::size_t asked() const {
        return echo.requests.size() + auth.requests.size() + product.requests.size() +
               order_1.requests.size() + order_2.requests.size();
    }

    /// A 429 of three requests a minute: 20 s, or less where asking took long.
    static void expect_wait_of_a_third_minute(const Answer& refused) {
        const auto retry_after_s = refused.headers.get("Retry-After").value_or("");
        EXPECT_GE(std::atoi(std::string(retry_after_s).c_str()), 1);
        EXPECT_LE(std::atoi(std::string(retry_after_s).c_str()), 20);
        EXPECT_TRUE(refused.headers.get("RateLimit")
                        .value_or("")
                        .ends_with(";r=0;t=" + std::string(retry_after_s)));
    }

    /// Puts a dead address in the place of the first order pod.
    void crash_first_order_pod() {
        order_settings.origins = {order_1.origin(), order_2.origin()};
        order_1.crash();
    }

    net::asio::io_context loop;
    metrics::Registry metrics;
    service::Context context{loop.get_executor(), metrics};
    token::SigningKey key = token::SigningKey::from_pem(token::SigningKey::generate_pem());
    service::Access access{context, token::VerifierLimits{}, key.jwks()};
    FakePod echo{loop};
    FakePod auth{loop};
    FakePod product{loop};
    FakePod order_1{loop};
    FakePod order_2{loop};
    UpstreamSettings order_settings;
    std::vector<std::unique_ptr<Upstream>> rooms;
    service::TrustedProxies proxies;
    RateLimiterSettings limiter_settings;  ///< no limits unless a test sets them
    CorsSettings cors_settings;
    RouteDeadlines deadlines;
    BusyLimits busy;
    std::optional<RateLimiter> limiter;
    std::optional<Limits> limits;
    std::optional<Cors> cors;
    std::optional<Door> door;
    http::Router router;
    std::optional<http::Server> server;
    std::optional<http::Client> client;
};

}  // namespace gateway
