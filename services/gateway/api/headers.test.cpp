#include "gateway/api/headers.hpp"

#include <gtest/gtest.h>

namespace {

http::Request request_with(std::initializer_list<http::Headers::Field> fields) {
    http::Request request;
    request.remote_address = "10.42.0.7";
    request.request_id = "request-1";
    for (const auto& [name, value] : fields) request.headers.add(name, value);
    return request;
}

const gateway::Sender sender{"1.2.3.4", "9.9.9.9, 1.2.3.4, 10.42.0.7"};

TEST(RequestHeaders, LoseIdentitiesAndWhatHoldsForOneHop) {
    auto request = request_with(
        {{"Host", "shop"},
         {"X-User-Id", "1"},
         {"x-user-role", "admin"},
         {"X-Account-Id", "1"},
         {"X-Forwarded-User", "root"},
         {"X-Forwarded-For", "1.2.3.4"},
         {"X-Real-IP", "1.2.3.4"},
         {"X_User_Id", "1"},
         {"X-Role", "admin"},
         {"Connection", "close, X-Private, Authorization"},
         {"X-Private", "1"},
         {"TE", "trailers"},
         {"Upgrade", "h2c"},
         {"Expect", "100-continue"},
         {"Content-Length", "3"},
         {"Accept-Encoding", "gzip"},
         {"Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
         {"X-Request-Id", "spoofed-id"},
         {"X-Deadline-Ms", "5"},
         {"Authorization", "Bearer t"},
         {"Idempotency-Key", "key-1"},
         {"Content-Type", "application/json"},
         {"X-Username", "kept: no known identity"}}
    );
    const auto headers = gateway::take_request_headers(request, sender);
    std::string kept;
    for (const auto& [name, value] : headers) kept += name + "=" + value + "\n";
    EXPECT_EQ(
        kept,
        "Authorization=Bearer t\nIdempotency-Key=key-1\nContent-Type=application/json\n"
        "X-Username=kept: no known identity\nX-Request-Id=request-1\nX-Forwarded-For=9.9.9.9, "
        "1.2.3.4, 10.42.0.7\n"
    );
}

TEST(RequestHeaders, LeaveTheOriginForTheAnswer) {
    auto request = request_with({{"Origin", "https://shop.example"}, {"Accept", "*/*"}});
    const auto headers = gateway::take_request_headers(request, sender);
    EXPECT_EQ(headers.get("Origin"), "https://shop.example");
    EXPECT_EQ(request.headers.get("Origin"), "https://shop.example");
    EXPECT_EQ(request.headers.size(), 1U);
}

TEST(ResponseHeaders, LoseWhatOnlyTheDoorSays) {
    http::Headers headers;
    headers.add("ETag", "\"1\"");
    headers.add("access-control-allow-origin", "*");
    headers.add("Keep-Alive", "timeout=5");
    gateway::clean_response_headers(headers);
    EXPECT_EQ(headers.size(), 1U);
    EXPECT_TRUE(headers.get("ETag"));
}

}  // namespace
