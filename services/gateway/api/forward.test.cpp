#include "gateway/api/forward.hpp"

#include <gtest/gtest.h>

#include "gateway/api/gateway_fixture.test.hpp"

namespace {

using gateway::FakePod;
using gateway::GatewayTest;
using std::chrono::milliseconds;

TEST_F(GatewayTest, AnswersHeadAsTheRoomAnswersGet) {
    const auto answer = ask("HEAD", "/api/v1/products");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(product.requests.at(0).method, "GET");
}

TEST_F(GatewayTest, PassesResponsesOnWhole) {
    product.response = {503, {}, "busy"};
    product.response.headers.add("Retry-After", "3");
    product.response.headers.add("ETag", "\"v1\"");
    const auto answer = ask("GET", "/api/v1/products", {{"X-Request-Id", "request-77"}});
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.body, "busy");
    EXPECT_EQ(answer.headers.get("Retry-After"), "3");
    EXPECT_EQ(answer.headers.get("ETag"), "\"v1\"");
    EXPECT_EQ(answer.headers.get("X-Request-Id"), "request-77");
    EXPECT_EQ(answer.headers.count("X-Request-Id"), 1U);
    EXPECT_EQ(product.requests.at(0).request_id, "request-77");
    EXPECT_EQ(product.requests.size(), 1U) << "an answer is never retried";
}

TEST_F(GatewayTest, StripsIdentitiesAndPassesTheDeadline) {
    ask("GET", "/api/v1/products", {{"X-User-Id", "1"}, {"X-Deadline-Ms", "1000"}});
    const auto& request = product.requests.at(0);
    EXPECT_FALSE(request.headers.get("X-User-Id").has_value());
    EXPECT_EQ(request.headers.get("X-Forwarded-For"), "127.0.0.1");
    EXPECT_EQ(request.headers.count("X-Deadline-Ms"), 1U);
    EXPECT_LE(product.deadlines_ms.at(0), 950);
    EXPECT_GT(product.deadlines_ms.at(0), 700);
}

TEST_F(GatewayTest, PassesTheTraceOnWithASpanOfItsOwn) {
    const std::string trace_id = "0af7651916cd43dd8448eb211c80319c";
    const std::string given = "00-" + trace_id + "-b7ad6b7169203331-01";
    ask("GET", "/api/v1/products", {{"tracestate", "a=b"}});
    EXPECT_EQ(product.requests.at(0).headers.get("tracestate"), "a=b");
    http::OutgoingRequest request{"GET", "/api/v1/products", {}, {}};
    request.trace = http::TraceContext::parse(given);
    testing::run_on_loop(loop, ask_through(*client, request, milliseconds(8000)));
    EXPECT_EQ(product.requests.at(1).trace.trace_id(), trace_id);
}

TEST_F(GatewayTest, CompressesAtTheDoorAndTakesItsTagsBack) {
    product.response = http::json_response(200, std::string(3000, '1'));
    product.response.headers.add("ETag", "\"v1\"");
    const auto packed = ask("GET", "/api/v1/products", {{"Accept-Encoding", "gzip"}});
    EXPECT_EQ(packed.headers.get("Content-Encoding"), "gzip");
    EXPECT_EQ(packed.headers.get("ETag"), "\"v1-gzip\"");
    EXPECT_FALSE(product.requests.at(0).headers.get("Accept-Encoding").has_value());
    const auto known = ask(
        "GET", "/api/v1/products", {{"Accept-Encoding", "gzip"}, {"If-None-Match", "\"v1-gzip\""}}
    );
    EXPECT_EQ(known.status, 304);
    EXPECT_EQ(known.headers.get("ETag"), "\"v1-gzip\"");
    EXPECT_EQ(product.requests.at(1).headers.get("If-None-Match"), "\"v1\"");
    const auto plain = ask("GET", "/api/v1/products");
    EXPECT_EQ(plain.body.size(), 3000U);
    EXPECT_EQ(plain.headers.get("Vary"), "Accept-Encoding");
}

TEST_F(GatewayTest, OnlyAHurriedCallerIsToBlameForAnAnswerThatIsLate) {
    using std::chrono::seconds;
    const auto expect_blame = [&] {
        EXPECT_TRUE(is_cut_short(milliseconds(60)));
        EXPECT_TRUE(is_cut_short(http::hurried_time - milliseconds(1)));
        EXPECT_FALSE(is_cut_short(http::hurried_time)) << "a room had plenty of time";
        EXPECT_FALSE(is_cut_short(seconds(9)));
        EXPECT_FALSE(is_cut_short(std::nullopt));
    };
    product.stop();
    expect_blame();
    product.resume();
    product.response.status = 503;  // it gave up just before its time was over
    expect_blame();
}

class BusyGatewayTest : public GatewayTest {
  protected:
    BusyGatewayTest() { busy.for_max_ms = 60'000; }

    /// Of whichever pod is asked.
    void say_busy(const std::string& for_ms) {
        for (FakePod* pod : {&order_1, &order_2}) {
            pod->response = {503, {}, "the room's own words"};
            pod->response.headers.add("X-Busy-For-Ms", for_ms);
        }
    }
};

TEST_F(BusyGatewayTest, WhatARoomIsTooBusyForIsSaidAtTheDoor) {
    say_busy("60000");
    const auto first = buy();
    EXPECT_EQ(first.body, "the room's own words");
    EXPECT_FALSE(first.headers.get("X-Busy-For-Ms").has_value()) << "no business of clients";
    const auto asked_before = asked();
    // It has no token, which nobody looks for.
    const auto refused = ask("POST", "/api/v1/flash-sales/1/orders");
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(has_code(refused, "busy"));
    EXPECT_EQ(refused.headers.get("Retry-After"), "1");
    EXPECT_EQ(asked(), asked_before);
    EXPECT_TRUE(has_metric("doorbuster_gateway_busy_refusals_total 1"));
    ask_as(token::Role::customer, "POST", "/api/v1/flash-sales/2/orders");
    ask_as(token::Role::admin, "POST", "/api/v1/flash-sales/1/pause");
    EXPECT_EQ(asked(), asked_before + 2) << "it is busy with one sale only";
}

TEST_F(BusyGatewayTest, TheWhileIsOverSoon) {
    busy.for_max_ms = 20;
    say_busy("60000");
    EXPECT_EQ(buy().status, 503);
    order_1.response = order_2.response = {200, {}, "sold"};
    const auto end = net::deadline_in(milliseconds(4000));
    while (buy().body != "sold" && net::SteadyClock::now() < end) {
        testing::run_on_loop(loop, net::sleep_for(milliseconds(5)));
    }
    EXPECT_EQ(buy().body, "sold");
}

TEST_F(BusyGatewayTest, AFullLineIsNoReasonToAskAsOftenAsOneLikes) {
    limit(gateway::Limit::purchase, 2);
    const std::string one = token(token::Role::customer);
    const auto buy_again = [&] {
        return ask("POST", "/api/v1/flash-sales/1/orders", {{"Authorization", one}});
    };
    say_busy("60000");
    EXPECT_EQ(buy_again().body, "the room's own words");
    const auto counted = buy_again();
    EXPECT_TRUE(has_code(counted, "busy"));
    EXPECT_TRUE(counted.headers.get("RateLimit")->starts_with("\"purchase\";r=0;"));
    EXPECT_EQ(buy_again().status, 429);
    EXPECT_EQ(asked(), 1U);
}

TEST_F(BusyGatewayTest, WhoIsBusyWithoutSayingHowLongIsAskedAgain) {
    for (const char* nonsense : {"", "0", "-5", "soon", "300x", "99999999999999999999"}) {
        say_busy(nonsense);
        EXPECT_EQ(buy().body, "the room's own words");
        EXPECT_EQ(buy().body, "the room's own words") << nonsense;
    }
    say_busy("60000");
    order_1.response.status = order_2.response.status = 200;
    EXPECT_EQ(buy().status, 200);
    EXPECT_EQ(buy().status, 200) << "who sells is not busy";
}

}  // namespace
