#include "gateway/api/limits.hpp"

#include <gtest/gtest.h>

#include "gateway/api/gateway_fixture.test.hpp"

namespace {

using gateway::GatewayTest;

TEST_F(GatewayTest, CountsPurchasesByAccount) {
    limit(gateway::Limit::purchase, 3);
    const auto buy_as = [&](std::uint8_t account) {
        return ask_as(account, "POST", "/api/v1/flash-sales/1/orders");
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
        return ask_as(account, "POST", "/api/v1/flash-sales/1/pause");
    };
    const auto refused = pause_as(1);
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(refused.headers.get("RateLimit-Policy"), "\"admin\";q=2;w=60");
    EXPECT_EQ(pause_as(1).status, 403);
    EXPECT_EQ(pause_as(1).status, 429);
    EXPECT_EQ(pause_as(2).status, 403);
    EXPECT_EQ(asked(), 0U);
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

}  // namespace
