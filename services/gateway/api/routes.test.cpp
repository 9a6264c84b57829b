#include "gateway/api/routes.hpp"

#include <set>

#include <gtest/gtest.h>

#include "gateway/api/gateway_fixture.test.hpp"
#include "testing/contract.hpp"

namespace {

using gateway::GatewayTest;
using std::chrono::milliseconds;

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
