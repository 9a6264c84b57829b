#include "http/connection.hpp"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "http/server_fixture.test.hpp"

namespace {

using http::RawPeer;
using http::ServerTest;
using std::chrono::milliseconds;

TEST_F(ServerTest, KeepsConnectionsAlive) {
    serve();
    auto caller = peer();
    for (int each = 0; each < 3; ++each) {
        caller.write(keep_alive_get);
        const auto response = caller.read_response();
        EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << response;
        EXPECT_TRUE(response.ends_with("\r\n\r\nGET /echo?a=1 ")) << response;
        EXPECT_FALSE(has(response, "Connection:"));
    }
    EXPECT_EQ(server->connections(), 1U);
    EXPECT_TRUE(has(metrics.text(), "route=\"/echo\"")) << metrics.text();
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
    serve();
    auto caller = peer();
    std::string text;
    for (int each = 0; each < 200; ++each) {
        text += "GET /things/" + std::to_string(each) + " HTTP/1.1\r\nHost: shop\r\n\r\n";
    }
    caller.write(text);
    for (int each = 0; each < 200; ++each) {
        const auto expected = "GET /things/" + std::to_string(each) + "? ";
        EXPECT_TRUE(caller.read_response().ends_with(expected));
    }
}

TEST_F(ServerTest, HonoursConnectionCloseAndOldVersions) {
    serve();
    EXPECT_TRUE(has(
        ask("GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), "Connection: close\r\n"
    ));
    EXPECT_TRUE(has(ask("GET /echo HTTP/1.0\r\n\r\n"), "Connection: close\r\n"));
    auto old = peer();
    old.write("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_TRUE(has(old.read_response(), "Connection: keep-alive\r\n"));
}

TEST_F(ServerTest, AnswersHeadWithoutABody) {
    serve();
    const auto response = ask("HEAD /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(has(response, "Content-Length: 12\r\n")) << response;
    EXPECT_TRUE(response.ends_with("\r\n\r\n")) << response;
}

TEST_F(ServerTest, SaysContinueToThoseWhoWaitForIt) {
    serve();
    auto caller = peer();
    caller.write(
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\n"
        "Content-Length: 2\r\n\r\n"
    );
    EXPECT_EQ(caller.read_bytes(25), "HTTP/1.1 100 Continue\r\n\r\n");
    caller.write("ok");
    const auto response = caller.read_all();
    EXPECT_TRUE(response.starts_with("HTTP/1.1 200")) << response;
}

TEST_F(ServerTest, ARefusedUploadSeesItsAnswer) {
    serve();
    auto caller = peer();
    caller.write("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    caller.write(std::string(100000, 'x'));
    EXPECT_TRUE(caller.read_all().starts_with("HTTP/1.1 413"));
}

TEST_F(ServerTest, SurvivesCallersThatLeaveDuringAHandler) {
    serve();
    for (const bool reset : {true, false}) {
        auto caller = peer();
        caller.write("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
        run_until([&] { return waiting == 1; });
        reset ? caller.reset() : caller.close();
        waiting = 0;
        gate.notify();
        run_until([&] { return server->connections() == 0; });
    }
    auto other = peer();
    other.write(keep_alive_get);
    EXPECT_TRUE(other.read_response().starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, WritesLargeBodiesToSlowReaders) {
    serve();
    const auto response = ask("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_GT(response.size(), 8U * 1024 * 1024);
    EXPECT_TRUE(response.ends_with("xxxx"));
}

TEST_F(ServerTest, BoundsWhatWaitsForCallersThatDoNotRead) {
    constexpr std::string_view get_large =
        "GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    limits.unsent_bytes_max = 20 * 1024 * 1024;  // two of them
    serve();
    auto first = peer();
    auto second = peer();
    auto third = peer();
    first.write(get_large);
    second.write(get_large);
    run_until([&] { return server->connections() == 3; });
    const auto ends_early = third.ask(get_large);
    EXPECT_LT(ends_early.size(), 8U * 1024 * 1024);
    EXPECT_TRUE(has(metrics.text(), "doorbuster_http_answers_cut_off_total{server=\"public\"} 1\n")
    );
    EXPECT_TRUE(first.read_all().ends_with("xxxx"));
    EXPECT_TRUE(second.read_all().ends_with("xxxx"));
    // Given back by each of them: who was cut off, who read, and who left.
    for (int each = 0; each < 4; ++each) {
        auto leaving = peer();
        leaving.write(get_large);
        run_until([&] { return server->connections() == 1; });
        leaving.reset();
        run_until([&] { return server->connections() == 0; });
    }
    EXPECT_GT(ask(get_large).size(), 8U * 1024 * 1024);
}

TEST_F(ServerTest, BoundsTheBodiesThatCallersAreStillSending) {
    const auto head = [](int length) {
        return "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) +
               "\r\n\r\n";
    };
    limits.body_bytes_max = 40000;
    limits.received_bytes_max = 60000;
    serve();
    auto first = peer();
    first.write(head(40000) + "x");
    first.write(std::string(20000, 'x'));
    run_until([&] { return server->connections() == 1; });
    testing::run_on_loop(loop, net::sleep_for(milliseconds(50)));
    auto second = peer();
    const auto refused = second.ask(head(40000) + "x");
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 503")) << refused;
    EXPECT_TRUE(has(refused, "\"code\":\"busy\"")) << refused;
    auto small = peer();
    small.write(head(3) + "abc");
    EXPECT_TRUE(small.read_response().starts_with("HTTP/1.1 200")) << "short ones pass";
    first.write(std::string(19999, 'x'));
    EXPECT_TRUE(first.read_response().starts_with("HTTP/1.1 200"));
    auto third = peer();
    third.write(head(40000) + std::string(40000, 'y'));
    EXPECT_TRUE(third.read_response().starts_with("HTTP/1.1 200")) << "given back";
}

TEST_F(ServerTest, ClosesSlowAndIdleCallers) {
    limits.header_timeout_ms = 30;
    limits.body_timeout_ms = 30;
    limits.idle_timeout_ms = 30;
    serve();
    EXPECT_EQ(ask(""), "") << "idle";
    EXPECT_TRUE(ask("GET /echo HTT").starts_with("HTTP/1.1 408")) << "head";
    EXPECT_TRUE(ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na")
                    .starts_with("HTTP/1.1 408")
    ) << "body";
}

TEST_F(ServerTest, GivesABodyTimeForWhatCame) {
    limits.body_timeout_ms = 50;
    limits.body_bytes_per_s_min = 10;
    serve();
    auto caller = peer();
    caller.write("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc");
    testing::run_on_loop(loop, net::sleep_for(milliseconds(150)));
    caller.write("de");
    EXPECT_TRUE(caller.read_response().ends_with("abcde"));
}

TEST_F(ServerTest, HandsItsBuffersRoundWithoutMixingWhatIsInThem) {
    serve();
    std::vector<std::unique_ptr<RawPeer>> callers;
    for (int each = 0; each < 200; ++each) {
        callers.push_back(std::make_unique<RawPeer>(loop, server->port()));
    }
    for (int round = 0; round < 3; ++round) {
        // All are in the middle of a body at once, then all end it.
        for (std::size_t each = 0; each < callers.size(); ++each) {
            const auto body = std::to_string(each) + "-";
            callers[each]->write(
                "POST /echo?" + std::to_string(round) + " HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                std::to_string(body.size() + 1) + "\r\n\r\n" + body
            );
        }
        testing::run_on_loop(loop, net::sleep_for(milliseconds(5)));
        for (const auto& caller : callers) caller->write("x");
        for (std::size_t each = 0; each < callers.size(); ++each) {
            const auto expected =
                "POST /echo?" + std::to_string(round) + " " + std::to_string(each) + "-x";
            EXPECT_TRUE(callers[each]->read_response().ends_with("\r\n\r\n" + expected));
        }
    }
}

TEST_F(ServerTest, LimitsWhatIsPipelined) {
    limits.pipelined_max = 20;
    serve();
    auto caller = peer();
    std::string text;
    for (int each = 0; each < 30; ++each) text += keep_alive_get;
    caller.write(text);
    const auto answers = caller.read_all();
    std::size_t count = 0;
    for (auto at = answers.find("HTTP/1.1 200"); at != std::string::npos;
         at = answers.find("HTTP/1.1 200", at + 1)) {
        ++count;
    }
    EXPECT_EQ(count, 20U);
    EXPECT_TRUE(has(answers.substr(answers.rfind("HTTP/1.1")), "Connection: close\r\n"));
    auto patient = peer();
    for (int each = 0; each < 30; ++each) {
        patient.write(keep_alive_get);
        EXPECT_TRUE(patient.read_response().starts_with("HTTP/1.1 200")) << "one at a time";
    }
}

}  // namespace
