#include "echo/api/echo.hpp"

#include <gtest/gtest.h>

#include "echo/api/routes.hpp"
#include "json/json.hpp"
#include "testing/run_on_loop.hpp"

namespace {

class EchoTest : public testing::Test {
  protected:
    EchoTest() {
        echo::add_routes(router, true);
        request.method = "PUT";
        request.path = "/api/v1/echo";
        request.query = "a=1&b=%20";
        request.remote_address = "192.0.2.1";
        request.request_id = "request-1";
        request.deadline = net::deadline_in(std::chrono::milliseconds(500));
    }

    json::Value ask() {
        net::asio::io_context loop;
        const auto response = testing::run_on_loop(loop, router.handle(request));
        EXPECT_EQ(response.status, 200);
        return json::parse(response.body).value();
    }

    http::Router router;
    http::Request request;
};

TEST_F(EchoTest, MirrorsTheRequest) {
    request.body = "{\"a\":\"\\\"\"}\n";
    const auto mirrored = ask();
    EXPECT_EQ(mirrored.at("method").as_string(), "PUT");
    EXPECT_EQ(mirrored.at("path").as_string(), "/api/v1/echo");
    EXPECT_EQ(mirrored.at("query").as_string(), "a=1&b=%20");
    EXPECT_EQ(mirrored.at("remote_address").as_string(), "192.0.2.1");
    EXPECT_EQ(mirrored.at("request_id").as_string(), "request-1");
    EXPECT_EQ(std::string(mirrored.at("body").as_string()), request.body);
    EXPECT_GT(mirrored.at("deadline_ms").as_int64(), 300);
    EXPECT_LE(mirrored.at("deadline_ms").as_int64(), 500);
}

TEST_F(EchoTest, RedactsCredentials) {
    request.headers.add("authorization", "Bearer secret-token");
    request.headers.add("Cookie", "session=secret; basket=secret too");
    request.headers.add("Accept", "*/*");
    const auto headers = ask().at("headers").as_array();
    ASSERT_EQ(headers.size(), 3U);
    EXPECT_EQ(headers[0].at("value").as_string(), "Bearer [redacted]");
    EXPECT_EQ(headers[1].at("value").as_string(), "[redacted]");
    EXPECT_EQ(headers[2].at("value").as_string(), "*/*");
}

TEST_F(EchoTest, EncodesBodiesThatAreNotText) {
    request.body = "\xff\xfe";
    EXPECT_EQ(ask().at("body_base64url").as_string(), "__4");
}

TEST_F(EchoTest, TakesAnyMethod) {
    for (const auto* method : {"GET", "HEAD", "POST", "DELETE", "OPTIONS", "BREW"}) {
        request.method = method;
        EXPECT_EQ(ask().at("method").as_string(), method);
    }
}

}  // namespace
