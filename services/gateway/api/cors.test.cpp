#include "gateway/api/cors.hpp"

#include <map>

#include <gtest/gtest.h>

#include "gateway/api/gateway_fixture.test.hpp"

namespace {

using gateway::Answer;
using gateway::GatewayTest;

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

}  // namespace
