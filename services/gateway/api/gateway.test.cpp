#include <map>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include "base/timestamp.hpp"
#include "gateway/api/routes.hpp"
#include "http/server.hpp"
#include "net/event.hpp"
#include "testing/contract.hpp"
#include "testing/run_on_loop.hpp"
#include "token/access_token.hpp"

namespace {

using std::chrono::milliseconds;

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

net::awaitable<Answer> ask_through(
    http::Client& client, const http::OutgoingRequest& request, milliseconds time
) {
    const auto began = net::SteadyClock::now();
    const auto response = co_await client.send(request, net::deadline_in(time));
    const auto took =
        std::chrono::duration_cast<milliseconds>(net::SteadyClock::now() - began).count();
    co_return Answer{response.status, response.headers, response.body, took};
}

constexpr std::int64_t ejection_ms = 300;

class GatewayTest : public testing::Test {
  protected:
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
            rooms.push_back(std::make_unique<gateway::Upstream>(
                loop.get_executor(), metrics, std::move(settings)
            ));
        };
        add(single("echo", echo));
        add(single("auth", auth));
        add(single("product", product));
        add(order_settings);
        for (const auto& room : rooms) room->start();
        limiter.emplace(loop.get_executor(), metrics, limiter_settings);
        limits.emplace(*limiter, metrics);
        cors.emplace(cors_settings);
        door.emplace(access, *limits, proxies);
        router = {};
        gateway::add_routes(
            router, *door, *cors, {*rooms[0], *rooms[1], *rooms[2], *rooms[3]}, deadlines
        );
        server.emplace(loop.get_executor(), http::ServerLimits{}, router, &metrics, "public");
        server->listen("127.0.0.1", 0);
        client.emplace(
            loop.get_executor(), http::Origin{"127.0.0.1", server->port()}, http::ClientLimits{}
        );
    }

    using UpstreamSettings = gateway::UpstreamSettings;

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

    void limit(gateway::Limit which, std::int64_t requests) {
        const gateway::Quota quota{requests, 60'000'000};
        limiter_settings.quotas[static_cast<std::size_t>(which)] = quota;
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
        return testing::run_on_loop(loop, ask_through(*client, request, milliseconds(8000)));
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
    bool is_cut_short(std::optional<milliseconds> own_time) {
        if (!server) open();
        http::Request request;
        request.method = "GET";
        request.target = "/api/v1/products";
        request.remote_address = "127.0.0.1";
        request.trace = http::TraceContext::make();
        request.deadline = net::deadline_in(milliseconds(60));
        request.own_time = own_time;
        const gateway::Passage passage{
            .room = rooms[2].get(),
            .caller = gateway::Caller::anyone,
            .limit = gateway::Limit::browse
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
    std::vector<std::unique_ptr<gateway::Upstream>> rooms;
    service::TrustedProxies proxies;
    gateway::RateLimiterSettings limiter_settings;  ///< no limits unless a test sets them
    gateway::CorsSettings cors_settings;
    gateway::RouteDeadlines deadlines;
    std::optional<gateway::RateLimiter> limiter;
    std::optional<gateway::Limits> limits;
    std::optional<gateway::Cors> cors;
    std::optional<gateway::Door> door;
    http::Router router;
    std::optional<http::Server> server;
    std::optional<http::Client> client;
};

bool has_code(const Answer& answer, std::string_view code) {
    return answer.body.find("\"code\":\"" + std::string(code) + "\"") != std::string::npos;
}

/// A 429 of three requests a minute: 20 s, or less where asking took long.
void expect_wait_of_a_third_minute(const Answer& refused) {
    const auto retry_after_s = refused.headers.get("Retry-After").value_or("");
    EXPECT_GE(std::atoi(std::string(retry_after_s).c_str()), 1);
    EXPECT_LE(std::atoi(std::string(retry_after_s).c_str()), 20);
    EXPECT_TRUE(refused.headers.get("RateLimit")
                    .value_or("")
                    .ends_with(";r=0;t=" + std::string(retry_after_s)));
}

TEST_F(GatewayTest, PassesRequestsToTheirRooms) {
    EXPECT_EQ(ask("GET", "/api/v1/products?limit=2").body, "from a room");
    EXPECT_EQ(product.requests.at(0).target, "/api/v1/products?limit=2");
    EXPECT_EQ(ask("POST", "/api/v1/auth/login", {}, "{\"a\":1}").status, 200);
    EXPECT_EQ(auth.requests.at(0).body, "{\"a\":1}");
    EXPECT_EQ(ask("DELETE", "/api/v1/echo").status, 200);
    EXPECT_EQ(echo.requests.at(0).method, "DELETE");
    EXPECT_EQ(ask("GET", "/api/v1/flash-sales/7").status, 200);
    EXPECT_EQ(order_1.requests.size() + order_2.requests.size(), 1U);
    EXPECT_TRUE(ask("GET", "/")
                    .body.ends_with(R"("contracts":["auth","echo","gateway","order","product"]})"));
    EXPECT_EQ(asked(), 4U);
}

TEST_F(GatewayTest, AnswersHeadAsTheRoomAnswersGet) {
    const auto answer = ask("HEAD", "/api/v1/products");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(product.requests.at(0).method, "GET");
}

TEST_F(GatewayTest, PassesResponsesOnWhole) {
    product.response = {503, {}, "busy"};
    product.response.headers.add("Retry-After", "3");
    product.response.headers.add("ETag", "\"v1\"");
    const auto answer = ask("GET", "/api/v1/products", {{"X-Request-Id", "request-77"}});
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.body, "busy");
    EXPECT_EQ(answer.headers.get("Retry-After"), "3");
    EXPECT_EQ(answer.headers.get("ETag"), "\"v1\"");
    EXPECT_EQ(answer.headers.get("X-Request-Id"), "request-77");
    EXPECT_EQ(answer.headers.count("X-Request-Id"), 1U);
    EXPECT_EQ(product.requests.at(0).request_id, "request-77");
    EXPECT_EQ(product.requests.size(), 1U) << "an answer is never retried";
}

TEST_F(GatewayTest, KnowsNoOtherRoutes) {
    for (const auto* path :
         {"/internal/v1/reservations",
          "/api/v1/flash-sales/1/internal",
          "/api/v1/unknown",
          "/metrics",
          "/readyz",
          "/api/v1/products/1/../../internal",
          "/api/v1//products",
          "/api/v1/flash-sales/1%2Faudit"}) {
        const auto answer = ask("GET", path);
        EXPECT_TRUE(answer.status == 404 || answer.status == 400) << path << answer.status;
        EXPECT_TRUE(has_code(answer, "route_unknown") || has_code(answer, "path_invalid")) << path;
    }
    EXPECT_EQ(ask("DELETE", "/api/v1/products/1").status, 405);
    EXPECT_EQ(asked(), 0U);
}

TEST_F(GatewayTest, ChecksWhoAsks) {
    const auto nobody = ask("POST", "/api/v1/orders");
    EXPECT_EQ(nobody.status, 401);
    EXPECT_TRUE(has_code(nobody, "token_missing"));
    const auto forged =
        ask("GET", "/api/v1/orders", {{"Authorization", token(token::Role::admin) + "x"}});
    EXPECT_EQ(forged.status, 401);
    const auto customer = ask_as(token::Role::customer, "POST", "/api/v1/flash-sales");
    EXPECT_EQ(customer.status, 403);
    EXPECT_TRUE(has_code(customer, "admin_only"));
    EXPECT_EQ(asked(), 0U);
    EXPECT_EQ(ask_as(token::Role::admin, "POST", "/api/v1/flash-sales").status, 200);
    EXPECT_EQ(ask_as(token::Role::customer, "GET", "/api/v1/orders").status, 200);
    EXPECT_EQ(asked(), 2U);
}

TEST_F(GatewayTest, RefusesCredentialsBetweenRooms) {
    for (const auto* credential : {"Service order:secret", "service order:secret", " SERVICE x"}) {
        const auto answer = ask("GET", "/api/v1/products", {{"Authorization", credential}});
        EXPECT_EQ(answer.status, 401) << credential;
    }
    const auto two =
        ask("GET",
            "/api/v1/orders",
            {{"Authorization", token(token::Role::customer)}, {"Authorization", "Service order:x"}}
        );
    EXPECT_EQ(two.status, 401);
    const auto twice =
        ask("GET",
            "/api/v1/orders",
            {{"Authorization", token(token::Role::customer)}, {"Authorization", "Bearer x"}});
    EXPECT_EQ(twice.status, 400);
    EXPECT_EQ(asked(), 0U);
}

TEST_F(GatewayTest, StripsIdentitiesAndPassesTheDeadline) {
    ask("GET", "/api/v1/products", {{"X-User-Id", "1"}, {"X-Deadline-Ms", "1000"}});
    const auto& request = product.requests.at(0);
    EXPECT_FALSE(request.headers.get("X-User-Id").has_value());
    EXPECT_EQ(request.headers.get("X-Forwarded-For"), "127.0.0.1");
    EXPECT_EQ(request.headers.count("X-Deadline-Ms"), 1U);
    EXPECT_LE(product.deadlines_ms.at(0), 950);
    EXPECT_GT(product.deadlines_ms.at(0), 700);
}

TEST_F(GatewayTest, PassesTheTraceOnWithASpanOfItsOwn) {
    const std::string trace_id = "0af7651916cd43dd8448eb211c80319c";
    const std::string given = "00-" + trace_id + "-b7ad6b7169203331-01";
    ask("GET", "/api/v1/products", {{"tracestate", "a=b"}});
    EXPECT_EQ(product.requests.at(0).headers.get("tracestate"), "a=b");
    http::OutgoingRequest request{"GET", "/api/v1/products", {}, {}};
    request.trace = http::TraceContext::parse(given);
    testing::run_on_loop(loop, ask_through(*client, request, milliseconds(8000)));
    EXPECT_EQ(product.requests.at(1).trace.trace_id(), trace_id);
}

TEST_F(GatewayTest, CompressesAtTheDoorAndTakesItsTagsBack) {
    product.response = http::json_response(200, std::string(3000, '1'));
    product.response.headers.add("ETag", "\"v1\"");
    const auto packed = ask("GET", "/api/v1/products", {{"Accept-Encoding", "gzip"}});
    EXPECT_EQ(packed.headers.get("Content-Encoding"), "gzip");
    EXPECT_EQ(packed.headers.get("ETag"), "\"v1-gzip\"");
    EXPECT_FALSE(product.requests.at(0).headers.get("Accept-Encoding").has_value());
    const auto known = ask(
        "GET", "/api/v1/products", {{"Accept-Encoding", "gzip"}, {"If-None-Match", "\"v1-gzip\""}}
    );
    EXPECT_EQ(known.status, 304);
    EXPECT_EQ(known.headers.get("ETag"), "\"v1-gzip\"");
    EXPECT_EQ(product.requests.at(1).headers.get("If-None-Match"), "\"v1\"");
    const auto plain = ask("GET", "/api/v1/products");
    EXPECT_EQ(plain.body.size(), 3000U);
    EXPECT_EQ(plain.headers.get("Vary"), "Accept-Encoding");
}

TEST_F(GatewayTest, SpreadsRequestsOverPods) {
    for (int each = 0; each < 10; ++each) EXPECT_EQ(buy().status, 200);
    EXPECT_EQ(order_1.requests.size(), 5U);
    EXPECT_EQ(order_2.requests.size(), 5U);
}

TEST_F(GatewayTest, RetriesOnAnotherPodWhenOneIsGone) {
    crash_first_order_pod();
    for (int each = 0; each < 6; ++each) EXPECT_EQ(buy().status, 200);
    EXPECT_EQ(order_2.requests.size(), 6U);
    EXPECT_NE(
        metrics.text().find("doorbuster_gateway_retries_total{room=\"order\"} 1\n"),
        std::string::npos
    ) << "the pod is put aside after one refusal";
}

TEST_F(GatewayTest, AStoppedPodCostsOneAttempt) {
    order_1.stop();
    std::int64_t slow = 0;
    for (int each = 0; each < 6; ++each) {
        const auto answer = buy();
        EXPECT_EQ(answer.status, 200);
        if (answer.took_ms >= 150) ++slow;
        EXPECT_LT(answer.took_ms, 1500);
    }
    EXPECT_EQ(slow, 1) << "it is put aside afterwards";
    EXPECT_EQ(order_1.requests.size(), 1U);
    EXPECT_LE(order_1.deadlines_ms.at(0), 150) << "the room is told what an attempt is given";
    EXPECT_EQ(order_2.requests.at(0).headers.get("Idempotency-Key"), "key-1");
    order_1.resume();
    testing::run_on_loop(loop, net::sleep_for(milliseconds(ejection_ms)));
    for (int each = 0; each < 4; ++each) EXPECT_EQ(buy().status, 200);
    EXPECT_GE(order_1.requests.size(), 3U) << "it is asked again once a probe was answered";
}

TEST_F(GatewayTest, ARefusalAfterASilentAttemptLeavesTheOutcomeUnknown) {
    order_1.stop();
    order_2.response = {503, {}, "{\"code\":\"busy\"}"};
    int unknown = 0;
    for (int each = 0; each < 2; ++each) {
        const auto answer = buy();
        EXPECT_EQ(answer.status, 503);
        if (has_code(answer, "unknown")) ++unknown;
    }
    EXPECT_EQ(unknown, 1) << "the other one met nobody else";
    EXPECT_EQ(order_1.requests.size(), 1U);
    order_1.resume();
}

TEST_F(GatewayTest, ACallersShortDeadlinePutsNobodyAside) {
    order_1.stop();
    order_2.stop();
    for (int each = 0; each < 4; ++each) {
        const auto answer = ask("GET", "/api/v1/flash-sales", {{"X-Deadline-Ms", "60"}});
        EXPECT_EQ(answer.status, 503);
        EXPECT_TRUE(has_code(answer, "upstream_unavailable"));
        EXPECT_EQ(answer.headers.get("Retry-After"), "1");
    }
    EXPECT_NE(
        metrics.text().find("doorbuster_gateway_pods_put_aside_total{room=\"order\"} 0\n"),
        std::string::npos
    );
    order_1.resume();
    order_2.resume();
}

TEST_F(GatewayTest, NotesTheAddressOfWhoIsRefused) {
    std::string wrong;
    proxies = service::TrustedProxies::parse("127.0.0.1", wrong);
    open();
    http::Request request;
    request.method = "GET";
    request.remote_address = "127.0.0.1";
    request.headers.add("X-Forwarded-For", "198.51.100.7");
    const gateway::Passage passage{.room = rooms[3].get(), .caller = gateway::Caller::customer};
    EXPECT_EQ(testing::run_on_loop(loop, door->pass(request, passage)).status, 401);
    EXPECT_EQ(request.notes.client_address, "198.51.100.7");
}

TEST_F(GatewayTest, AnAuditHasItsWholeTimeInOneAttempt) {
    order_1.stop();
    order_2.stop();
    open();
    net::asio::co_spawn(
        loop,
        net::sleep_for(milliseconds(500)),  // more than twice an attempt's
        [&](const std::exception_ptr&) {
            order_1.resume();
            order_2.resume();
        }
    );
    const auto audit = "/api/v1/flash-sales/1/audit";
    EXPECT_EQ(ask_as(token::Role::admin, "GET", audit).status, 200);
    EXPECT_EQ(order_1.requests.size() + order_2.requests.size(), 1U);
}

TEST_F(GatewayTest, ASilentAuditSaysNothingAboutItsRoom) {
    order_settings.silent_after_ms = 100;
    order_settings.breaker.failures_min = 1;
    deadlines.write = milliseconds(250);
    order_1.stop();
    order_2.stop();
    for (int each = 0; each < 3; ++each) {
        const auto answer = ask_as(token::Role::admin, "GET", "/api/v1/flash-sales/1/audit");
        EXPECT_EQ(answer.status, 503);
    }
    EXPECT_EQ(order_1.requests.size() + order_2.requests.size(), 3U) << "the breaker is closed";
    EXPECT_TRUE(has_metric("doorbuster_gateway_pods_put_aside_total{room=\"order\"} 0"));
    EXPECT_TRUE(has_metric("doorbuster_gateway_breaker_opened_total{room=\"order\"} 0"));
    order_1.resume();
    order_2.resume();
}

TEST_F(GatewayTest, RetriesABrokenConnectionOnlyWhenThatIsSafe) {
    const auto customer = token::Role::customer;
    order_settings.origins = {order_1.origin(), order_2.origin()};
    const auto break_both = [&] {
        order_1.break_next();
        order_2.break_next();
    };
    break_both();
    const auto unsafe = ask_as(customer, "POST", "/api/v1/orders");
    EXPECT_EQ(unsafe.status, 503);
    EXPECT_TRUE(has_code(unsafe, "unknown")) << unsafe.body;
    EXPECT_EQ(unsafe.headers.get("Retry-After"), "1");
    EXPECT_EQ(asked(), 1U);
    // The other pod still breaks: each of these meets it at most once and is repeated.
    EXPECT_EQ(ask_as(customer, "GET", "/api/v1/orders").status, 200);
    break_both();
    EXPECT_EQ(ask_as(customer, "POST", "/api/v1/orders/1/pay").status, 503) << "both broke";
    for (FakePod* pod : {&order_1, &order_2}) {
        pod->break_next();
        EXPECT_EQ(ask_as(customer, "POST", "/api/v1/orders/1/cancel").status, 200);
        EXPECT_EQ(buy().status, 200);
    }
}

TEST_F(GatewayTest, RetriesAtTheOnlyAddressWhatBroke) {
    product.break_next();
    EXPECT_EQ(ask("GET", "/api/v1/products").status, 200);
    EXPECT_EQ(product.requests.size(), 2U);
    auth.break_next();
    EXPECT_EQ(ask("POST", "/api/v1/auth/login").status, 503) << "it may have had an effect";
    EXPECT_EQ(auth.requests.size(), 1U);
}

TEST_F(GatewayTest, SaysWhenARoomIsAway) {
    open();
    product.crash();
    const auto read = ask("GET", "/api/v1/products");
    EXPECT_EQ(read.status, 503);
    EXPECT_TRUE(has_code(read, "upstream_unavailable"));
    auth.crash();
    const auto login = ask("POST", "/api/v1/auth/login");
    EXPECT_EQ(login.status, 503);
    EXPECT_TRUE(has_code(login, "upstream_unavailable")) << "nothing was sent";
    EXPECT_EQ(buy().status, 200) << "the sale goes on";
}

TEST_F(GatewayTest, AFullLineIsSaidAtOnceAndAdministratorsAreNotInIt) {
    order_settings.origins = {order_1.origin(), order_2.origin()};
    order_settings.client.connections_max = 1;
    order_settings.client.waiting_max = 1;
    order_settings.attempt_timeout_ms = 5000;
    open();
    order_1.stop();
    order_2.stop();
    const http::OutgoingRequest browse{"GET", "/api/v1/flash-sales", {}, {}};
    std::size_t answered = 0;
    const auto send_two = [&] {
        for (int each = 0; each < 2; ++each) {
            net::asio::co_spawn(
                loop,
                ask_through(*client, browse, milliseconds(5000)),
                [&](const std::exception_ptr&, const Answer&) { ++answered; }
            );
        }
    };
    const auto end = net::deadline_in(milliseconds(4000));
    const auto wait_until = [&](const auto& condition) {
        while (!condition() && net::SteadyClock::now() < end) {
            testing::run_on_loop(loop, net::sleep_for(milliseconds(5)));
        }
    };
    send_two();
    wait_until([&] { return asked() == 2; });
    order_1.answer_others();
    order_2.answer_others();
    send_two();  // they stand in the lines behind those that hang
    Answer refused;
    wait_until([&] {
        refused = ask("GET", "/api/v1/flash-sales", {{"X-Deadline-Ms", "500"}});
        return refused.took_ms < 400;
    });
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(has_code(refused, "upstream_unavailable"));
    EXPECT_LT(refused.took_ms, 400) << "not the deadline's end";
    EXPECT_TRUE(has_metric("doorbuster_gateway_retries_total{room=\"order\"} 0"))
        << "nobody is sent from line to line";
    EXPECT_EQ(ask_as(token::Role::admin, "POST", "/api/v1/flash-sales/1/pause").status, 200);
    order_1.resume();
    order_2.resume();
    wait_until([&] { return answered == 4; });
    EXPECT_EQ(answered, 4U);
}

TEST_F(GatewayTest, CountsPurchasesByAccount) {
    limit(gateway::Limit::purchase, 3);
    const auto buy_as = [&](std::uint8_t account) {
        return ask(
            "POST",
            "/api/v1/flash-sales/1/orders",
            {{"Authorization", token(token::Role::customer, account)}}
        );
    };
    for (const auto* left : {"2", "1", "0"}) {
        const auto bought = buy_as(1);
        EXPECT_EQ(bought.status, 200);
        EXPECT_EQ(bought.headers.get("RateLimit-Policy"), "\"purchase\";q=3;w=60");
        EXPECT_TRUE(bought.headers.get("RateLimit")
                        ->starts_with("\"purchase\";r=" + std::string(left) + ";t="));
    }
    const auto asked_before = asked();
    const auto refused = buy_as(1);
    EXPECT_EQ(refused.status, 429);
    EXPECT_TRUE(has_code(refused, "rate_limited"));
    expect_wait_of_a_third_minute(refused);
    EXPECT_EQ(asked(), asked_before) << "no room is asked";
    EXPECT_EQ(buy_as(2).status, 200) << "from the same address";
    EXPECT_EQ(ask_as(token::Role::customer, "GET", "/api/v1/orders").status, 200);
    EXPECT_TRUE(has_metric(
        "doorbuster_gateway_limit_checks_total{limit=\"purchase\",outcome=\"refused\"} 1"
    ));
}

TEST_F(GatewayTest, CountsStrangersByAddressAndWhoIsSignedInByAccount) {
    limit(gateway::Limit::browse, 2);
    std::string wrong;
    proxies = service::TrustedProxies::parse("127.0.0.1", wrong);
    const auto browse = [&](const char* address, std::vector<http::Headers::Field> fields = {}) {
        fields.emplace_back("X-Forwarded-For", address);
        return ask("GET", "/api/v1/products", fields).status;
    };
    EXPECT_EQ(browse("192.0.2.1"), 200);
    EXPECT_EQ(browse("198.51.100.9, 192.0.2.1"), 200);
    EXPECT_EQ(browse("198.51.100.9, 192.0.2.1"), 429) << "what a caller puts first is not believed";
    EXPECT_EQ(browse("192.0.2.2"), 200);
    EXPECT_EQ(browse("192.0.2.1", {{"Authorization", token(token::Role::customer)}}), 200);
    EXPECT_EQ(browse("192.0.2.1", {{"Authorization", "Bearer nonsense"}}), 429);
    EXPECT_EQ(browse("2001:db8::1"), 200);
    EXPECT_EQ(browse("2001:db8::2"), 200);
    EXPECT_EQ(browse("2001:db8::3"), 429) << "one customer has a /64";
}

TEST_F(GatewayTest, CountsNobodyByAnAddressThatIsEverybodys) {
    limit(gateway::Limit::browse, 1);
    std::string wrong;
    proxies = service::TrustedProxies::parse("127.0.0.1, 10.42.0.0/16", wrong);
    for (int each = 0; each < 3; ++each) {
        EXPECT_EQ(ask("GET", "/api/v1/products", {{"X-Forwarded-For", "10.42.0.1"}}).status, 200);
    }
    EXPECT_EQ(ask("GET", "/api/v1/products").status, 200);
    buy();
    const std::string name = "doorbuster_gateway_unattributed_requests_total";
    EXPECT_TRUE(has_metric(name + "{why=\"proxies_only\"} 3"));
    EXPECT_TRUE(has_metric(name + "{why=\"proxy_alone\"} 1"));
    EXPECT_TRUE(has_metric(name + "{why=\"proxy_unknown\"} 0"));
}

TEST_F(GatewayTest, NoticesAProxyThatNobodyTrusts) {
    limit(gateway::Limit::browse, 1);
    EXPECT_EQ(ask("GET", "/api/v1/products", {{"X-Forwarded-For", "192.0.2.1"}}).status, 200);
    EXPECT_EQ(ask("GET", "/api/v1/products", {{"X-Forwarded-For", "192.0.2.2"}}).status, 429)
        << "all of its clients are one";
    EXPECT_TRUE(has_metric("doorbuster_gateway_unattributed_requests_total{why=\"proxy_unknown\"} 2"
    ));
}

TEST_F(GatewayTest, CountsWhoMayNotByAccount) {
    limit(gateway::Limit::admin, 2);
    const auto pause_as = [&](std::uint8_t account) {
        return ask(
            "POST",
            "/api/v1/flash-sales/1/pause",
            {{"Authorization", token(token::Role::customer, account)}}
        );
    };
    const auto refused = pause_as(1);
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(refused.headers.get("RateLimit-Policy"), "\"admin\";q=2;w=60");
    EXPECT_EQ(pause_as(1).status, 403);
    EXPECT_EQ(pause_as(1).status, 429);
    EXPECT_EQ(pause_as(2).status, 403);
    EXPECT_EQ(asked(), 0U);
}

TEST_F(GatewayTest, ForgedTokensAreCountedAndThenNotChecked) {
    limit(gateway::Limit::invalid_token, 3);
    const char* const here = "192.0.2.1";
    const std::string orders = "/api/v1/orders";
    const std::string known = token(token::Role::customer, 1);
    EXPECT_EQ(ask_from(here, orders, known).status, 200);
    const auto expect_free_refusals = [&] {
        for (std::uint8_t account = 1; account < 6; ++account) {
            const auto ran_out = token(token::Role::customer, account, 600);
            const auto expired = ask_from(here, orders, ran_out);
            EXPECT_EQ(expired.status, 401);
            EXPECT_TRUE(has_code(expired, "token_expired")) << "its client is to refresh it";
            EXPECT_FALSE(expired.headers.get("RateLimit")) << "cost nothing";
            EXPECT_EQ(ask_from(here, orders, "Bearer nonsense").status, 401);
        }
    };
    expect_free_refusals();
    const std::string forged = forged_token();
    for (const auto* left : {"2", "1", "0"}) {
        const auto wrong = ask_from(here, orders, forged);
        EXPECT_EQ(wrong.status, 401);
        EXPECT_TRUE(has_code(wrong, "token_invalid"));
        EXPECT_TRUE(wrong.headers.get("RateLimit")
                        ->starts_with("\"invalid_token\";r=" + std::string(left) + ";t="));
    }
    const auto refused = ask_from(here, orders, forged);
    EXPECT_EQ(refused.status, 429);
    EXPECT_TRUE(has_code(refused, "rate_limited"));
    EXPECT_EQ(refused.headers.get("RateLimit-Policy"), "\"invalid_token\";q=3;w=60");
    expect_wait_of_a_third_minute(refused);
    expect_free_refusals();
    EXPECT_EQ(ask_from(here, "/api/v1/products", forged).status, 200) << "needs no token";
    EXPECT_TRUE(has_metric("doorbuster_access_refusals_total{reason=\"signature_wrong\"} 3"))
        << "no further signature was checked";
    const std::string fresh = token(token::Role::customer, 2);
    EXPECT_EQ(ask_from(here, orders, known).status, 200) << "its neighbours go on";
    EXPECT_EQ(ask_from(here, orders, "").status, 401) << "who has none is told so";
    EXPECT_EQ(ask_from(here, orders, fresh).status, 429) << "nobody can tell it from a forged one";
    EXPECT_EQ(ask_from("192.0.2.2", orders, fresh).status, 200);
    EXPECT_EQ(ask_from(here, orders, fresh).status, 200) << "known by now";
    EXPECT_TRUE(has_metric(
        "doorbuster_gateway_limit_checks_total{limit=\"invalid_token\",outcome=\"granted\"} 3"
    ));
}

TEST_F(GatewayTest, PasswordsAreTakenWithoutALookAtAToken) {
    EXPECT_EQ(ask("POST", "/api/v1/auth/login", {{"Authorization", forged_token()}}).status, 200);
    EXPECT_TRUE(has_metric("doorbuster_access_refusals_total{reason=\"signature_wrong\"} 0"));
}

TEST_F(GatewayTest, CountsItsOwnPages) {
    limit(gateway::Limit::browse, 2);
    const auto page = ask("GET", "/api");
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.headers.get("RateLimit-Policy"), "\"browse\";q=2;w=60");
    EXPECT_EQ(ask("GET", "/api/order.openapi.yaml").status, 200);
    for (const auto* target : {"/api", "/api/order.openapi.yaml", "/api/none.openapi.yaml"}) {
        const auto refused = ask("GET", target);
        EXPECT_EQ(refused.status, 429) << target;
        EXPECT_TRUE(has_code(refused, "rate_limited"));
    }
    EXPECT_EQ(ask("GET", "/").status, 200);
}

TEST_F(GatewayTest, ATokenIsNoReasonToTryPasswordsFaster) {
    limit(gateway::Limit::sign_in, 2);
    for (std::uint8_t account = 1; account < 4; ++account) {
        const auto answer = ask(
            "POST", "/api/v1/auth/login", {{"Authorization", token(token::Role::customer, account)}}
        );
        EXPECT_EQ(answer.status, account < 3 ? 200 : 429);
    }
    EXPECT_EQ(ask("POST", "/api/v1/auth/refresh").status, 200) << "counted by itself";
}

TEST_F(GatewayTest, SaysNothingOfLimitsThatAreOff) {
    const auto answer = buy();
    EXPECT_FALSE(answer.headers.get("RateLimit").has_value());
    EXPECT_FALSE(answer.headers.get("RateLimit-Policy").has_value());
}

TEST_F(GatewayTest, ARoomThatDoesNotAnswerIsNotAskedForAWhile) {
    open();
    product.stop();
    const auto list = [&](const char* deadline_ms = "300") {
        return ask("GET", "/api/v1/products", {{"X-Deadline-Ms", deadline_ms}});
    };
    for (int each = 0; each < 6; ++each) EXPECT_EQ(list("60").status, 503);
    EXPECT_TRUE(has_metric("doorbuster_gateway_breaker_state{room=\"product\"} 0"))
        << "less than a room needs says nothing about it; more does, whoever chose it";
    for (int each = 0; each < 5; ++each) EXPECT_EQ(list().status, 503);
    EXPECT_TRUE(has_metric("doorbuster_gateway_breaker_state{room=\"product\"} 2"));
    const auto asked_before = product.requests.size();
    const auto refused = list();
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(has_code(refused, "upstream_unavailable"));
    EXPECT_EQ(refused.headers.get("Retry-After"), "1");
    EXPECT_LT(refused.took_ms, 100);
    EXPECT_EQ(product.requests.size(), asked_before);
    EXPECT_EQ(ask("GET", "/api/v1/echo").status, 200) << "only that room";
    product.resume();
    const auto end = net::deadline_in(milliseconds(5000));
    while (list().status != 200 && net::SteadyClock::now() < end) {
        testing::run_on_loop(loop, net::sleep_for(milliseconds(10)));
    }
    for (int each = 0; each < 2; ++each) EXPECT_EQ(list().status, 200);
    EXPECT_TRUE(has_metric("doorbuster_gateway_breaker_state{room=\"product\"} 0"));
}

TEST_F(GatewayTest, OnlyAHurriedCallerIsToBlameForAnAnswerThatIsLate) {
    using std::chrono::seconds;
    const auto expect_blame = [&] {
        EXPECT_TRUE(is_cut_short(milliseconds(60)));
        EXPECT_TRUE(is_cut_short(http::hurried_time - milliseconds(1)));
        EXPECT_FALSE(is_cut_short(http::hurried_time)) << "a room had plenty of time";
        EXPECT_FALSE(is_cut_short(seconds(9)));
        EXPECT_FALSE(is_cut_short(std::nullopt));
    };
    product.stop();
    expect_blame();
    product.resume();
    product.response.status = 503;  // it gave up just before its time was over
    expect_blame();
}

TEST_F(GatewayTest, A503IsAnAnswerAndOpensNothing) {
    product.response.status = 503;
    for (int each = 0; each < 20; ++each) EXPECT_EQ(ask("GET", "/api/v1/products").status, 503);
    EXPECT_TRUE(has_metric("doorbuster_gateway_breaker_state{room=\"product\"} 0"));
    EXPECT_EQ(product.requests.size(), 20U);
}

TEST_F(GatewayTest, RetriesOnlySoMuch) {
    order_settings.origins = {order_1.origin()};
    order_settings.retries.at_least = 5;
    const auto pay = [&] {
        order_1.break_next();
        return ask_as(token::Role::customer, "POST", "/api/v1/orders/1/pay").status;
    };
    for (int each = 0; each < 5; ++each) EXPECT_EQ(pay(), 200);
    EXPECT_EQ(pay(), 503) << "the budget is used up";
    EXPECT_TRUE(has_metric("doorbuster_gateway_retries_total{room=\"order\"} 5"));
    EXPECT_TRUE(has_metric("doorbuster_gateway_retries_refused_total{room=\"order\"} 1"));
    EXPECT_EQ(buy().status, 200);
}

TEST_F(GatewayTest, ARouteHasALongestTimeThatACallerCanOnlyShorten) {
    deadlines.read = milliseconds(300);
    deadlines.write = milliseconds(600);
    open();
    ask("GET", "/api/v1/products", {{"X-Deadline-Ms", "60000"}});
    EXPECT_LE(product.deadlines_ms.at(0), 250);
    ask("GET", "/api/v1/products", {{"X-Deadline-Ms", "150"}});
    EXPECT_LE(product.deadlines_ms.at(1), 100);
    ask("POST", "/api/v1/auth/login");
    EXPECT_GT(auth.deadlines_ms.at(0), 300);
    EXPECT_LE(auth.deadlines_ms.at(0), 550);
}

TEST_F(GatewayTest, SaysNothingOfOriginsUnlessConfigured) {
    const auto answer = ask("GET", "/api/v1/products", {{"Origin", "https://shop.example"}});
    EXPECT_FALSE(answer.headers.get("Access-Control-Allow-Origin").has_value());
    EXPECT_FALSE(answer.headers.get("Vary").has_value());
    EXPECT_EQ(ask("OPTIONS", "/api/v1/products").status, 405);
}

TEST_F(GatewayTest, AnswersThePagesOfAllowedSites) {
    std::string wrong;
    cors_settings.allowed = gateway::CrossOrigin::parse("https://shop.example", wrong);
    product.response.headers.add("Access-Control-Allow-Origin", "*");
    product.response.headers.add("Vary", "Accept-Encoding");
    const auto preflight = [&](const char* path, const char* origin) {
        return ask(
            "OPTIONS", path, {{"Origin", origin}, {"Access-Control-Request-Method", "POST"}}
        );
    };
    for (const auto* path : {"/api/v1/products", "/api/v1/echo", "/api/v1/orders/1/pay"}) {
        const auto allowed = preflight(path, "https://shop.example");
        EXPECT_EQ(allowed.status, 204) << path;
        EXPECT_EQ(allowed.headers.get("Access-Control-Allow-Origin"), "https://shop.example");
        EXPECT_EQ(allowed.headers.get("Vary"), "Origin");
        EXPECT_NE(
            allowed.headers.get("Access-Control-Allow-Headers")->find("Idempotency-Key"),
            std::string_view::npos
        );
        EXPECT_FALSE(allowed.headers.get("Access-Control-Allow-Credentials").has_value());
        const auto refused = preflight(path, "https://evil.example");
        EXPECT_FALSE(refused.headers.get("Access-Control-Allow-Origin").has_value());
        EXPECT_FALSE(refused.headers.get("Access-Control-Allow-Methods").has_value());
    }
    EXPECT_EQ(asked(), 0U) << "no room is asked";
    const auto ours = ask("GET", "/api/v1/products", {{"Origin", "https://shop.example"}});
    EXPECT_EQ(ours.headers.count("Access-Control-Allow-Origin"), 1U);
    EXPECT_EQ(ours.headers.get("Access-Control-Allow-Origin"), "https://shop.example");
    EXPECT_EQ(ours.headers.count("Vary"), 2U);
    EXPECT_NE(
        ours.headers.get("Access-Control-Expose-Headers")->find("RateLimit"), std::string_view::npos
    );
    const auto theirs = ask("GET", "/api/v1/products", {{"Origin", "https://evil.example"}});
    EXPECT_EQ(theirs.status, 200);
    EXPECT_EQ(theirs.headers.count("Access-Control-Allow-Origin"), 0U);
    EXPECT_EQ(theirs.headers.count("Vary"), 2U);
    const auto refused = ask("GET", "/api/v1/orders", {{"Origin", "https://shop.example"}});
    EXPECT_EQ(refused.status, 401);
    EXPECT_EQ(refused.headers.count("Access-Control-Allow-Origin"), 1U) << "readable there too";
    const auto unknown = ask("GET", "/api/v1/unknown");
    EXPECT_EQ(unknown.status, 404);
    EXPECT_TRUE(has_code(unknown, "route_unknown"));
    EXPECT_EQ(ask("DELETE", "/api/v1/products").headers.get("Allow"), "GET, POST");
}

TEST_F(GatewayTest, TheDoorsOwnErrorsCanBeReadByThosePagesToo) {
    std::string wrong;
    cors_settings.allowed = gateway::CrossOrigin::parse("https://shop.example", wrong);
    limit(gateway::Limit::browse, 1);
    order_settings.origins = {{"no-such-name.invalid", 80}};
    const auto ask_as_page = [&](const char* method, const char* target, std::string body = {}) {
        return ask(method, target, {{"Origin", "https://shop.example"}}, std::move(body));
    };
    EXPECT_EQ(ask_as_page("GET", "/api/v1/products").status, 200);
    const std::map<int, Answer> answers{
        {400, ask_as_page("GET", "/api/../x")},
        {401, ask_as_page("GET", "/api/v1/orders")},
        {404, ask_as_page("GET", "/api/v1/unknown")},
        {405, ask_as_page("DELETE", "/api/v1/products")},
        {413, ask_as_page("POST", "/api/v1/auth/login", std::string(100'000, 'x'))},
        {429, ask_as_page("GET", "/api/v1/products")}
    };
    for (const auto& [status, answer] : answers) {
        EXPECT_EQ(answer.status, status);
        EXPECT_EQ(answer.headers.count("Access-Control-Allow-Origin"), 1U) << status;
        EXPECT_EQ(answer.headers.get("Access-Control-Allow-Origin"), "https://shop.example");
        EXPECT_EQ(answer.headers.get("Vary"), "Origin") << status;
        EXPECT_TRUE(answer.headers.get("Access-Control-Expose-Headers")) << status;
    }
    const auto theirs = ask("GET", "/api/v1/unknown", {{"Origin", "https://evil.example"}}).headers;
    EXPECT_FALSE(theirs.get("Access-Control-Allow-Origin"));
    EXPECT_EQ(theirs.get("Vary"), "Origin");
}

TEST_F(GatewayTest, PlainOptionsReachesARoomThatServesIt) {
    std::string wrong;
    cors_settings.allowed = gateway::CrossOrigin::parse("*", wrong);
    const auto answer = ask("OPTIONS", "/api/v1/echo");
    EXPECT_EQ(answer.body, "from a room");
    EXPECT_EQ(answer.headers.get("Access-Control-Allow-Origin"), "*");
    EXPECT_FALSE(answer.headers.get("Vary"));
    EXPECT_EQ(ask("GET", "/api/v1/none").headers.get("Access-Control-Allow-Origin"), "*");
}

TEST_F(GatewayTest, LooksNamesUp) {
    order_settings.origins = {{"localhost", order_1.origin().port}};
    open();
    const auto end = net::deadline_in(milliseconds(5000));
    while (rooms[3]->pods() == 0 && net::SteadyClock::now() < end) {
        testing::run_on_loop(loop, net::sleep_for(milliseconds(5)));
    }
    EXPECT_EQ(buy().status, 200);
    EXPECT_EQ(order_1.requests.size(), 1U);
}

TEST_F(GatewayTest, SaysSoBeforeAnyPodIsKnown) {
    order_settings.origins = {{"no-such-name.invalid", 80}};
    const auto answer = buy();
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(has_code(answer, "upstream_unavailable"));
}

TEST_F(GatewayTest, ServesWhatItsContractSays) {
    open();
    std::set<std::string> served;
    for (const auto& route : router.routes()) {
        if (route.method != "*") {
            served.insert(route.method + " " + route.pattern);
            continue;
        }
        for (const auto* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
            served.insert(std::string(method) + " " + route.pattern);
        }
    }
    EXPECT_EQ(served, testing::contract_operations(GATEWAY_CONTRACT));
}

}  // namespace
