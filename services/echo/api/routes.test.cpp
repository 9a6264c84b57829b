#include "echo/api/routes.hpp"

#include <gtest/gtest.h>

#include "testing/contract.hpp"

namespace {

TEST(Routes, AreThoseOfTheContract) {
    http::Router router;
    echo::add_routes(router, true);
    std::set<std::string> served;
    for (const auto& route : router.routes()) {
        ASSERT_EQ(route.method, "*");
        for (const auto* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
            served.insert(std::string(method) + " " + route.pattern);
        }
    }
    EXPECT_EQ(served, testing::contract_operations(ECHO_CONTRACT));
}

}  // namespace
