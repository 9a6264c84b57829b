#include "http/negotiation.hpp"

#include <gtest/gtest.h>

#include "http/server_fixture.test.hpp"

namespace {

using http::ServerTest;

TEST_F(ServerTest, TellsWhoHasTheVersionAlready) {
    router.add("GET", "/page", [this](http::Request&) { return page(); });
    limits.gzip_bytes_min = 1000;
    serve();
    auto caller = peer();
    const auto ask_with = [&](const std::string& headers, const std::string& method = "GET") {
        caller.write(method + " /page HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n");
        return caller.read_response();
    };
    const auto whole = ask_with("");
    EXPECT_TRUE(has(whole, "ETag: \"v1\"\r\n") && has(whole, "Vary: Accept-Encoding\r\n")) << whole;
    EXPECT_TRUE(has(whole, "Vary: Origin\r\n") && has(whole, "Vary: Accept\r\n")) << "kept";
    EXPECT_FALSE(has(whole, "Content-Encoding"));
    const auto packed = ask_with("Accept-Encoding: br, gzip\r\n");
    EXPECT_TRUE(has(packed, "ETag: \"v1-gzip\"\r\n")) << packed;
    EXPECT_TRUE(has(packed, "Content-Encoding: gzip\r\n"));
    EXPECT_LT(packed.size(), 500U);
    caller.write("GET /page HTTP/1.1\r\nHost: a\r\nIf-None-Match: W/\"v1\"\r\n\r\n");
    const auto known = caller.read_head();
    EXPECT_TRUE(known.starts_with("HTTP/1.1 304 Not Modified\r\n")) << known;
    EXPECT_TRUE(has(known, "ETag: \"v1\"\r\n") && has(known, "Vary: Accept-Encoding\r\n"));
    EXPECT_FALSE(has(known, "Content-Length") || has(known, "Content-Type"));
    caller.write(
        "GET /page HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n"
        "If-None-Match: \"v0\", \"v1-gzip\"\r\n\r\n"
    );
    const auto known_packed = caller.read_head();
    EXPECT_TRUE(known_packed.starts_with("HTTP/1.1 304")) << known_packed;
    EXPECT_TRUE(has(known_packed, "ETag: \"v1-gzip\"\r\n"));
    caller.write(
        "GET /page HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n"
        "If-None-Match: \"v0-gzip\", \"v1\"\r\n\r\n"
    );
    const auto known_plain = caller.read_head();
    EXPECT_TRUE(known_plain.starts_with("HTTP/1.1 304")) << known_plain;
    EXPECT_TRUE(has(known_plain, "ETag: \"v1\"\r\n")) << "the one listed";
    EXPECT_TRUE(ask_with("If-None-Match: \"v0\"\r\n").starts_with("HTTP/1.1 200"));
}

}  // namespace
