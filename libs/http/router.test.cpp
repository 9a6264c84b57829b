#include "http/router.hpp"

#include <gtest/gtest.h>

#include "testing/run_on_loop.hpp"

namespace {

net::awaitable<http::Response> named(std::string name) {
    co_return http::Response{200, {}, std::move(name)};
}

class RouterTest : public testing::Test {
  protected:
    void add(const std::string& method, const std::string& pattern) {
        router.add(method, pattern, [pattern](http::Request&) { return named(pattern); });
    }

    http::Response ask(const std::string& method, const std::string& path) {
        request = {};
        request.method = method;
        request.path = path;
        return testing::run_on_loop(loop, router.handle(request));
    }

    net::asio::io_context loop;
    http::Router router;
    http::Request request;
};

TEST_F(RouterTest, FillsParameters) {
    add("POST", "/api/v1/flash-sales/{id}/orders");
    EXPECT_EQ(ask("POST", "/api/v1/flash-sales/42/orders").status, 200);
    EXPECT_EQ(request.path_parameter("id"), "42");
    EXPECT_EQ(request.path_parameter("other"), "");
    EXPECT_EQ(request.route_pattern, "/api/v1/flash-sales/{id}/orders");
    EXPECT_EQ(ask("POST", "/api/v1/flash-sales//orders").status, 404);
    EXPECT_EQ(ask("POST", "/api/v1/flash-sales/42/orders/").status, 404);
}

TEST_F(RouterTest, PrefersTheMoreSpecificWhateverTheOrder) {
    add("GET", "/files/*");
    add("GET", "/files/{id}");
    add("GET", "/files/new");
    EXPECT_EQ(ask("GET", "/files/new").body, "/files/new");
    EXPECT_EQ(ask("GET", "/files/7").body, "/files/{id}");
    EXPECT_EQ(ask("GET", "/files/a/b").body, "/files/*");
}

TEST_F(RouterTest, RefusesUnknownPathsAndMethods) {
    add("GET", "/things");
    add("POST", "/things");
    const auto unknown = ask("GET", "/other");
    EXPECT_EQ(unknown.status, 404);
    EXPECT_NE(unknown.body.find("\"code\":\"route_unknown\""), std::string::npos);
    const auto refused = ask("DELETE", "/things");
    EXPECT_EQ(refused.status, 405);
    EXPECT_EQ(refused.headers.get("Allow"), "GET, POST");
    EXPECT_EQ(request.route_pattern, "");
}

TEST_F(RouterTest, KnowsNoPathByARestAlone) {
    add("GET", "/things");
    add("OPTIONS", "/*");
    EXPECT_EQ(ask("OPTIONS", "/other").body, "/*");
    const auto unknown = ask("GET", "/other");
    EXPECT_EQ(unknown.status, 404);
    EXPECT_FALSE(unknown.headers.get("Allow").has_value());
    const auto refused = ask("DELETE", "/things");
    EXPECT_EQ(refused.status, 405);
    EXPECT_EQ(refused.headers.get("Allow"), "GET");
}

TEST_F(RouterTest, ServesHeadByGetAndAnyMethodByStar) {
    add("GET", "/things");
    add("*", "/any");
    EXPECT_EQ(ask("HEAD", "/things").status, 200);
    EXPECT_EQ(ask("HEAD", "/any").status, 200);
    EXPECT_EQ(ask("BREW", "/any").status, 200);
}

TEST_F(RouterTest, SurvivesAPathOfManySegments) {
    add("GET", "/things");
    std::string path;
    for (int each = 0; each < 1000; ++each) path += "/a";
    EXPECT_EQ(ask("GET", path).status, 404);
}

}  // namespace
