#include "http/request_reader.hpp"

#include <gtest/gtest.h>

#include "http/server_fixture.test.hpp"

namespace {

using http::ServerTest;
using std::chrono::milliseconds;

TEST_F(ServerTest, ReadsARequestThatComesByteByByte) {
    serve();
    auto caller = peer();
    for (const char letter :
         std::string_view("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")) {
        caller.write({&letter, 1});
        testing::run_on_loop(loop, net::sleep_for(milliseconds(0)));
    }
    EXPECT_TRUE(caller.read_response().ends_with("POST /echo? abc"));
}

TEST_F(ServerTest, ReadsChunkedBodies) {
    serve();
    auto caller = peer();
    caller.write(
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nHost: trailer\r\n\r\n"
    );
    EXPECT_TRUE(caller.read_response().ends_with("POST /echo? abcde"));
    caller.write(keep_alive_get);
    EXPECT_TRUE(caller.read_response().starts_with("HTTP/1.1 200"));
}

struct Refused {
    const char* request;
    int status;
    const char* code;
};

class RefusalTest : public ServerTest, public testing::WithParamInterface<Refused> {};

TEST_P(RefusalTest, IsAProblemAndEndsTheConnection) {
    serve();
    const auto response = ask(GetParam().request);
    EXPECT_TRUE(response.starts_with("HTTP/1.1 " + std::to_string(GetParam().status))) << response;
    EXPECT_TRUE(has(response, std::string("\"code\":\"") + GetParam().code + "\"")) << response;
    EXPECT_TRUE(has(response, "Connection: close\r\n"));
}

INSTANTIATE_TEST_SUITE_P(
    Malformed,
    RefusalTest,
    testing::Values(
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n"
            "\r\n0\r\n\r\n",
            400,
            "request_malformed"
        },
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n"
            "\r\n0\r\n\r\n",
            400,
            "request_malformed"
        },
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
            400,
            "request_malformed"
        },
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
            400,
            "request_malformed"
        },
        Refused{
            "POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "request_malformed"
        },
        Refused{"GET /echo HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400, "request_malformed"},
        Refused{"GET /echo HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n", 400, "request_malformed"},
        Refused{"GET /echo HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400, "request_malformed"},
        Refused{"GET /echo HTTP/2.0\r\nHost: a\r\n\r\n", 400, "request_malformed"},
        Refused{"hello\r\n\r\n", 400, "request_malformed"},
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            400,
            "request_malformed"
        },
        Refused{"GET /echo HTTP/1.1\r\n\r\n", 400, "host_missing"},
        Refused{"GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "host_missing"},
        Refused{"GET /a/../echo HTTP/1.1\r\nHost: a\r\n\r\n", 400, "path_invalid"},
        Refused{"GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n", 400, "path_invalid"},
        Refused{"GET http:///echo HTTP/1.1\r\nHost: a\r\n\r\n", 400, "path_invalid"},
        Refused{"GET http://b@a/echo HTTP/1.1\r\nHost: a\r\n\r\n", 400, "path_invalid"},
        Refused{"GET ftp://a/echo HTTP/1.1\r\nHost: a\r\n\r\n", 400, "path_invalid"},
        Refused{"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "path_invalid"},
        Refused{"GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "host_missing"},
        Refused{"GET /echo HTTP/1.1\nHost: a\n\n", 400, "request_malformed"},
        Refused{"GET /echo HTTP/1.1\r\nHost: a\n\n", 400, "request_malformed"},
        Refused{"GET /echo\r\n", 400, "request_malformed"},
        Refused{"\x16\x03\x01", 400, "request_malformed"},
        Refused{"\r\n\r\n\r\n\r\n\r\n\r\n", 400, "request_malformed"},
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
            400,
            "request_malformed"
        },
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
            400,
            "request_malformed"
        },
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
            400,
            "request_malformed"
        },
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
            400,
            "request_malformed"
        },
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413, "body_too_large"
        },
        Refused{
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n",
            413,
            "body_too_large"
        }
    )
);

TEST_F(ServerTest, LimitsHeaders) {
    serve();
    const std::string long_header(3000, 'x');
    EXPECT_TRUE(ask("GET /echo HTTP/1.1\r\nHost: a\r\nX: " + long_header + "\r\n\r\n")
                    .starts_with("HTTP/1.1 431"));
    EXPECT_TRUE(ask("GET /" + long_header).starts_with("HTTP/1.1 414")) << "endless";
    EXPECT_TRUE(
        ask("GET /" + long_header + " HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 414")
    );
    EXPECT_TRUE(ask("GET /echo HTTP/1.1\r\nX: " + long_header).starts_with("HTTP/1.1 431"));
}

TEST_F(ServerTest, TakesOrMakesRequestIds) {
    serve();
    auto caller = peer();
    caller.write("GET /echo HTTP/1.1\r\nHost: a\r\nX-Request-Id: my-request_1\r\n\r\n");
    EXPECT_TRUE(has(caller.read_response(), "X-Request-Id: my-request_1\r\n"));
    caller.write("GET /echo HTTP/1.1\r\nHost: a\r\nX-Request-Id: bad id; x\r\n\r\n");
    const auto made = caller.read_response();
    EXPECT_TRUE(has(made, "X-Request-Id: " + last_id + "\r\n")) << made;
    EXPECT_EQ(last_id.size(), 16U);
    EXPECT_TRUE(has(ask("nonsense\r\n\r\n"), "\r\nX-Request-Id: ")) << "refusals too";
}

TEST_F(ServerTest, BoundsDeadlines) {
    limits.request_timeout_ms = 3000;
    serve();
    const auto ask_with = [&](const std::string& header) {
        ask("GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + header + "\r\n");
        return last_deadline_ms;
    };
    EXPECT_NEAR(static_cast<double>(ask_with("X-Deadline-Ms: 500\r\n")), 500, 100);
    EXPECT_NEAR(static_cast<double>(ask_with("X-Deadline-Ms: 999999\r\n")), 3000, 100);
    EXPECT_NEAR(static_cast<double>(ask_with("X-Deadline-Ms: soon\r\n")), 3000, 100);
    EXPECT_NEAR(static_cast<double>(ask_with("")), 3000, 100);
}

TEST_F(ServerTest, TakesAbsoluteTargets) {
    serve();
    auto caller = peer();
    caller.write("GET HTTP://shop:80/echo?b=2 HTTP/1.1\r\nHost: shop\r\n\r\n");
    EXPECT_TRUE(caller.read_response().ends_with("GET /echo?b=2 "));
}

TEST_F(ServerTest, LimitsTheNumberOfHeaders) {
    limits.header_fields_max = 10;
    serve();
    std::string head = "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    for (int each = 0; each < 8; ++each) head += "X: y\r\n";
    EXPECT_TRUE(ask(head + "\r\n").starts_with("HTTP/1.1 200"));
    EXPECT_TRUE(ask(head + "X: y\r\n\r\n").starts_with("HTTP/1.1 431"));
}

TEST_F(ServerTest, LimitsWhatAChunkedBodyCostsBesides) {
    limits.body_bytes_max = 100000;
    serve();
    const std::string head =
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        "Transfer-Encoding: chunked\r\n\r\n";
    std::string small;
    for (int each = 0; each < 1000; ++each) small += "1\r\nx\r\n";
    EXPECT_TRUE(ask(head + small + "0\r\n\r\n").starts_with("HTTP/1.1 200"));
    EXPECT_TRUE(ask(head + small + small + "0\r\n\r\n").starts_with("HTTP/1.1 400"));
    std::string extended;
    for (int each = 0; each < 10; ++each) {
        extended += "1;" + std::string(200, 'a') + "\r\nx\r\n";
    }
    EXPECT_TRUE(ask(head + extended + "0\r\n\r\n").starts_with("HTTP/1.1 400"));
}

TEST_F(ServerTest, PassesTracesOn) {
    serve();
    auto caller = peer();
    const std::string id = "0af7651916cd43dd8448eb211c80319c";
    caller.write(
        "GET /echo HTTP/1.1\r\nHost: a\r\nTraceParent: 00-" + id +
        "-b7ad6b7169203331-01\r\ntracestate: a=b\r\n\r\n"
    );
    caller.read_response();
    EXPECT_EQ(last_trace.trace_id(), id);
    EXPECT_TRUE(last_has_state);
    caller.write(
        "GET /echo HTTP/1.1\r\nHost: a\r\ntraceparent: 00-" + id +
        "-b7ad6b7169203331-1\r\ntracestate: a=b\r\n\r\n"
    );
    caller.read_response();
    EXPECT_NE(last_trace.trace_id(), id) << "not valid: a new one";
    EXPECT_FALSE(last_has_state);
}

}  // namespace
