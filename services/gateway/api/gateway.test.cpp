#include <deque>

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

class GatewayTest : public testing::Test {
  protected:
    GatewayTest() {
        order_settings.room = "order";
        order_settings.attempt_timeout_ms = 200;
        order_settings.ejection_ms = 300;
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
        router = {};
        gateway::add_routes(router, door, {*rooms[0], *rooms[1], *rooms[2], *rooms[3]});
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
        return settings;
    }

    std::string token(token::Role role) {
        token::Claims claims;
        claims.account_id = base::Uuid{{1}};
        claims.role = role;
        claims.issued_at_s = base::unix_now_ms() / 1000;
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
    gateway::Door door{access, {}};
    http::Router router;
    std::optional<http::Server> server;
    std::optional<http::Client> client;
};

bool has_code(const Answer& answer, std::string_view code) {
    return answer.body.find("\"code\":\"" + std::string(code) + "\"") != std::string::npos;
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
    EXPECT_EQ(ask("GET", "/").status, 200);
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
    testing::run_on_loop(loop, net::sleep_for(milliseconds(order_settings.ejection_ms)));
    for (int each = 0; each < 4; ++each) EXPECT_EQ(buy().status, 200);
    EXPECT_GE(order_1.requests.size(), 3U) << "it is asked again once a probe was answered";
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
