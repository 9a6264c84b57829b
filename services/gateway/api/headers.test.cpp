#include "gateway/api/headers.hpp"

#include <gtest/gtest.h>

namespace {

service::TrustedProxies proxies(std::string_view list) {
    std::string wrong_part;
    auto parsed = service::TrustedProxies::parse(list, wrong_part);
    EXPECT_EQ(wrong_part, "");
    return parsed;
}

http::Headers take(std::initializer_list<http::Headers::Field> fields, std::string_view trusted) {
    http::Request request;
    request.remote_address = "10.42.0.7";
    request.request_id = "request-1";
    for (const auto& [name, value] : fields) request.headers.add(name, value);
    return gateway::take_request_headers(request, proxies(trusted));
}

TEST(RequestHeaders, LoseIdentitiesAndWhatHoldsForOneHop) {
    const auto headers = take(
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
         {"X-Username", "kept: no known identity"}},
        ""
    );
    std::string kept;
    for (const auto& [name, value] : headers) kept += name + "=" + value + "\n";
    EXPECT_EQ(
        kept,
        "Authorization=Bearer t\nIdempotency-Key=key-1\nContent-Type=application/json\n"
        "X-Username=kept: no known identity\nX-Request-Id=request-1\nX-Forwarded-For=10.42.0.7\n"
    );
}

TEST(RequestHeaders, NoteWhoTheClientIs) {
    http::Request request;
    request.remote_address = "10.42.0.7";
    request.headers.add("X-Forwarded-For", "9.9.9.9, 1.2.3.4");
    http::Request other = request;
    gateway::take_request_headers(request, proxies("10.42.0.0/16"));
    EXPECT_EQ(request.notes.client_address, "1.2.3.4");
    gateway::take_request_headers(other, proxies(""));
    EXPECT_EQ(other.notes.client_address, "") << "the peer itself";
}

TEST(RequestHeaders, BelieveConfiguredProxiesOnly) {
    const http::Headers::Field given{"X-Forwarded-For", "1.2.3.4"};
    EXPECT_EQ(take({given}, "10.42.0.0/16").get("X-Forwarded-For"), "1.2.3.4, 10.42.0.7");
    EXPECT_EQ(take({given}, "10.43.0.0/16, 10.42.0.8").get("X-Forwarded-For"), "10.42.0.7");
}

TEST(RequestHeaders, KeepEveryHopThatATrustedProxyTells) {
    const auto headers =
        take({{"X-Forwarded-For", "6.6.6.6"}, {"x-forwarded-for", "1.2.3.4"}}, "10.42.0.0/16");
    EXPECT_EQ(headers.get("X-Forwarded-For"), "6.6.6.6, 1.2.3.4, 10.42.0.7");
    EXPECT_EQ(headers.count("X-Forwarded-For"), 1U);
}

}  // namespace
