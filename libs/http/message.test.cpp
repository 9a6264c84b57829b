#include "http/message.hpp"

#include <gtest/gtest.h>

#include "http/path.hpp"
#include "http/problem.hpp"
#include "http/write_message.hpp"

namespace {

TEST(Headers, CompareNamesWithoutCase) {
    http::Headers headers;
    headers.add("Set-Cookie", "a");
    headers.add("set-cookie", "b");
    EXPECT_EQ(headers.get("SET-COOKIE"), "a");
    EXPECT_EQ(headers.count("Set-Cookie"), 2U);
    headers.set("Set-Cookie", "c");
    EXPECT_EQ(headers.count("Set-Cookie"), 1U);
    headers.erase("SET-cookie");
    EXPECT_FALSE(headers.get("Set-Cookie").has_value());
}

TEST(Request, ReadsQueryParameters) {
    http::Request request;
    request.query = "search=red+shoe%26co&limit=20&empty=&bad=%zz";
    EXPECT_EQ(request.query_parameter("search"), "red shoe&co");
    EXPECT_EQ(request.query_parameter("limit"), "20");
    EXPECT_EQ(request.query_parameter("empty"), "");
    EXPECT_FALSE(request.query_parameter("bad").has_value());
    EXPECT_FALSE(request.query_parameter("absent").has_value());
}

TEST(Path, DecodesStrictly) {
    EXPECT_EQ(http::decode_path("/caf%C3%A9/a+b"), "/caf\xC3\xA9/a+b");
    for (const auto* refused : {"",
                                "a",
                                "/%",
                                "/%2",
                                "/%zz",
                                "/a%2Fb",
                                "/%00",
                                "/a/../b",
                                "/%2e%2E",
                                "/.",
                                "/a\\b",
                                "/%5c",
                                "/%ff",
                                "/%7f",
                                "/%09",
                                "/%c1%81",
                                "/%e0%80%af",
                                "/%f0%80%80%af",
                                "/%f4%90%80%80",
                                "/a%5c..%5cb",
                                "/a/%2e./b",
                                "/a/.%2e",
                                "/%2e",
                                "/a%2fb%2F",
                                "//a/..",
                                "/a\x01",
                                "/\xff",
                                "*",
                                "//..",
                                "/%C0%AF",
                                "/%ED%A0%80",
                                "/%0d%0aX:1"}) {
        EXPECT_FALSE(http::decode_path(refused).has_value()) << refused;
    }
    EXPECT_EQ(http::decode_path("/..a/b..").value(), "/..a/b..");
    EXPECT_EQ(http::decode_path("/a//b").value(), "/a//b") << "never merged: no route has that";
    EXPECT_EQ(http::decode_path("/%252e%252e/%252f").value(), "/%2e%2e/%2f") << "decoded once";
    EXPECT_EQ(http::decode_path("/...").value(), "/...");
}

TEST(Problem, EscapesAndCarriesMembers) {
    const auto response = http::to_response(
        {.status = 409,
         .code = "not_enough",
         .detail = "a \"b\"\n",
         .retry_after_s = 2,
         .members = {{"remaining", "3"}}}
    );
    EXPECT_EQ(response.status, 409);
    EXPECT_EQ(response.headers.get("Content-Type"), "application/problem+json");
    EXPECT_EQ(response.headers.get("Retry-After"), "2");
    EXPECT_EQ(
        response.body,
        R"({"type":"urn:doorbuster:problem:not_enough","title":"Conflict","status":409,)"
        R"("code":"not_enough","detail":"a \"b\"\n","remaining":3})"
    );
}

TEST(HeaderText, HasNoLineBreakAnywhere) {
    for (std::size_t size = 0; size < 40; ++size) {
        std::string text(size, 'x');
        EXPECT_TRUE(http::is_header_text(text));
        for (std::size_t at = 0; at < size; ++at) {
            for (const char harmless :
                 {'\t', ' ', '\x01', '\x0f', '\x10', '\x7f', '\xc3', '\xff'}) {
                text[at] = harmless;
                EXPECT_TRUE(http::is_header_text(text)) << size << " " << at;
            }
            for (const char breaking : {'\r', '\n', '\0'}) {
                text[at] = breaking;
                EXPECT_FALSE(http::is_header_text(text)) << size << " " << at;
            }
            text[at] = 'x';
        }
    }
}

TEST(ResponseHead, LeavesOutWhatWouldBreakIt) {
    http::Response response{200, {}, "abc"};
    response.headers.add("X-Good", "yes");
    response.headers.add("X-Bad", "a\r\nSet-Cookie: stolen");
    response.headers.add("Content-Length", "999");
    std::string out;
    http::append_response_head(out, response, http::Persistence::keep_alive_1_1, "D", "request-1");
    EXPECT_EQ(
        out,
        "HTTP/1.1 200 OK\r\nDate: D\r\nX-Good: yes\r\nX-Request-Id: request-1\r\n"
        "Content-Length: 3\r\n\r\n"
    );
}

}  // namespace
