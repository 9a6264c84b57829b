#include <gtest/gtest.h>

#include "gateway/api/gateway_fixture.test.hpp"

namespace {

using gateway::GatewayTest;

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

}  // namespace
