#include "gateway/clients/upstream.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include "gateway/api/gateway_fixture.test.hpp"

namespace {

using gateway::Answer;
using gateway::FakePod;
using gateway::GatewayTest;
using std::chrono::milliseconds;

TEST_F(GatewayTest, SpreadsRequestsOverPods) {
    for (int each = 0; each < 10; ++each) EXPECT_EQ(buy().status, 200);
    EXPECT_EQ(order_1.requests.size(), 5U);
    EXPECT_EQ(order_2.requests.size(), 5U);
}

TEST_F(GatewayTest, RetriesOnAnotherPodWhenOneIsGone) {
    crash_first_order_pod();
    for (int each = 0; each < 6; ++each) EXPECT_EQ(buy().status, 200);
    EXPECT_EQ(order_2.requests.size(), 6U);
    EXPECT_NE(
        metrics.text().find("doorbuster_gateway_retries_total{room=\"order\"} 1\n"),
        std::string::npos
    ) << "the pod is put aside after one refusal";
}

TEST_F(GatewayTest, AStoppedPodCostsOneAttempt) {
    order_1.stop();
    std::int64_t slow = 0;
    for (int each = 0; each < 6; ++each) {
        const auto answer = buy();
        EXPECT_EQ(answer.status, 200);
        if (answer.took_ms >= 150) ++slow;
        EXPECT_LT(answer.took_ms, 1500);
    }
    EXPECT_EQ(slow, 1) << "it is put aside afterwards";
    EXPECT_EQ(order_1.requests.size(), 1U);
    EXPECT_LE(order_1.deadlines_ms.at(0), 150) << "the room is told what an attempt is given";
    EXPECT_EQ(order_2.requests.at(0).headers.get("Idempotency-Key"), "key-1");
    order_1.resume();
    testing::run_on_loop(loop, net::sleep_for(milliseconds(ejection_ms)));
    for (int each = 0; each < 4; ++each) EXPECT_EQ(buy().status, 200);
    EXPECT_GE(order_1.requests.size(), 3U) << "it is asked again once a probe was answered";
}

TEST_F(GatewayTest, ARefusalAfterASilentAttemptLeavesTheOutcomeUnknown) {
    order_1.stop();
    order_2.response = {503, {}, "{\"code\":\"busy\"}"};
    int unknown = 0;
    for (int each = 0; each < 2; ++each) {
        const auto answer = buy();
        EXPECT_EQ(answer.status, 503);
        if (has_code(answer, "unknown")) ++unknown;
    }
    EXPECT_EQ(unknown, 1) << "the other one met nobody else";
    EXPECT_EQ(order_1.requests.size(), 1U);
    order_1.resume();
}

TEST_F(GatewayTest, ACallersShortDeadlinePutsNobodyAside) {
    order_1.stop();
    order_2.stop();
    for (int each = 0; each < 4; ++each) {
        const auto answer = ask("GET", "/api/v1/flash-sales", {{"X-Deadline-Ms", "60"}});
        EXPECT_EQ(answer.status, 503);
        EXPECT_TRUE(has_code(answer, "upstream_unavailable"));
        EXPECT_EQ(answer.headers.get("Retry-After"), "1");
    }
    EXPECT_NE(
        metrics.text().find("doorbuster_gateway_pods_put_aside_total{room=\"order\"} 0\n"),
        std::string::npos
    );
    order_1.resume();
    order_2.resume();
}

TEST_F(GatewayTest, AnAuditHasItsWholeTimeInOneAttempt) {
    order_1.stop();
    order_2.stop();
    open();
    net::asio::co_spawn(
        loop,
        net::sleep_for(milliseconds(500)),  // more than twice an attempt's
        [&](const std::exception_ptr&) {
            order_1.resume();
            order_2.resume();
        }
    );
    const auto audit = "/api/v1/flash-sales/1/audit";
    EXPECT_EQ(ask_as(token::Role::admin, "GET", audit).status, 200);
    EXPECT_EQ(order_1.requests.size() + order_2.requests.size(), 1U);
}

TEST_F(GatewayTest, ASilentAuditSaysNothingAboutItsRoom) {
    order_settings.silent_after_ms = 100;
    order_settings.breaker.failures_min = 1;
    deadlines.write = milliseconds(250);
    order_1.stop();
    order_2.stop();
    for (int each = 0; each < 3; ++each) {
        const auto answer = ask_as(token::Role::admin, "GET", "/api/v1/flash-sales/1/audit");
        EXPECT_EQ(answer.status, 503);
    }
    EXPECT_EQ(order_1.requests.size() + order_2.requests.size(), 3U) << "the breaker is closed";
    EXPECT_TRUE(has_metric("doorbuster_gateway_pods_put_aside_total{room=\"order\"} 0"));
    EXPECT_TRUE(has_metric("doorbuster_gateway_breaker_opened_total{room=\"order\"} 0"));
    order_1.resume();
    order_2.resume();
}

TEST_F(GatewayTest, RetriesABrokenConnectionOnlyWhenThatIsSafe) {
    const auto customer = token::Role::customer;
    order_settings.origins = {order_1.origin(), order_2.origin()};
    const auto break_both = [&] {
        order_1.break_next();
        order_2.break_next();
    };
    break_both();
    const auto unsafe = ask_as(customer, "POST", "/api/v1/orders");
    EXPECT_EQ(unsafe.status, 503);
    EXPECT_TRUE(has_code(unsafe, "unknown")) << unsafe.body;
    EXPECT_EQ(unsafe.headers.get("Retry-After"), "1");
    EXPECT_EQ(asked(), 1U);
    // The other pod still breaks: each of these meets it at most once and is repeated.
    EXPECT_EQ(ask_as(customer, "GET", "/api/v1/orders").status, 200);
    break_both();
    EXPECT_EQ(ask_as(customer, "POST", "/api/v1/orders/1/pay").status, 503) << "both broke";
    for (FakePod* pod : {&order_1, &order_2}) {
        pod->break_next();
        EXPECT_EQ(ask_as(customer, "POST", "/api/v1/orders/1/cancel").status, 200);
        EXPECT_EQ(buy().status, 200);
    }
}

TEST_F(GatewayTest, RetriesAtTheOnlyAddressWhatBroke) {
    product.break_next();
    EXPECT_EQ(ask("GET", "/api/v1/products").status, 200);
    EXPECT_EQ(product.requests.size(), 2U);
    auth.break_next();
    EXPECT_EQ(ask("POST", "/api/v1/auth/login").status, 503) << "it may have had an effect";
    EXPECT_EQ(auth.requests.size(), 1U);
}

TEST_F(GatewayTest, SaysWhenARoomIsAway) {
    open();
    product.crash();
    const auto read = ask("GET", "/api/v1/products");
    EXPECT_EQ(read.status, 503);
    EXPECT_TRUE(has_code(read, "upstream_unavailable"));
    auth.crash();
    const auto login = ask("POST", "/api/v1/auth/login");
    EXPECT_EQ(login.status, 503);
    EXPECT_TRUE(has_code(login, "upstream_unavailable")) << "nothing was sent";
    EXPECT_EQ(buy().status, 200) << "the sale goes on";
}

TEST_F(GatewayTest, AFullLineIsSaidAtOnceAndAdministratorsAreNotInIt) {
    order_settings.origins = {order_1.origin(), order_2.origin()};
    order_settings.client.connections_max = 1;
    order_settings.client.waiting_max = 1;
    order_settings.attempt_timeout_ms = 5000;
    open();
    order_1.stop();
    order_2.stop();
    const http::OutgoingRequest browse{"GET", "/api/v1/flash-sales", {}, {}};
    std::size_t answered = 0;
    const auto send_two = [&] {
        for (int each = 0; each < 2; ++each) {
            net::asio::co_spawn(
                loop,
                ask_through(*client, browse, milliseconds(5000)),
                [&](const std::exception_ptr&, const Answer&) { ++answered; }
            );
        }
    };
    const auto end = net::deadline_in(milliseconds(4000));
    const auto wait_until = [&](const auto& condition) {
        while (!condition() && net::SteadyClock::now() < end) {
            testing::run_on_loop(loop, net::sleep_for(milliseconds(5)));
        }
    };
    send_two();
    wait_until([&] { return asked() == 2; });
    order_1.answer_others();
    order_2.answer_others();
    send_two();  // they stand in the lines behind those that hang
    Answer refused;
    wait_until([&] {
        refused = ask("GET", "/api/v1/flash-sales", {{"X-Deadline-Ms", "500"}});
        return refused.took_ms < 400;
    });
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(has_code(refused, "upstream_unavailable"));
    EXPECT_LT(refused.took_ms, 400) << "not the deadline's end";
    EXPECT_TRUE(has_metric("doorbuster_gateway_retries_total{room=\"order\"} 0"))
        << "nobody is sent from line to line";
    EXPECT_EQ(ask_as(token::Role::admin, "POST", "/api/v1/flash-sales/1/pause").status, 200);
    order_1.resume();
    order_2.resume();
    wait_until([&] { return answered == 4; });
    EXPECT_EQ(answered, 4U);
}

TEST_F(GatewayTest, ARoomThatDoesNotAnswerIsNotAskedForAWhile) {
    open();
    product.stop();
    const auto list = [&](const char* deadline_ms = "300") {
        return ask("GET", "/api/v1/products", {{"X-Deadline-Ms", deadline_ms}});
    };
    for (int each = 0; each < 6; ++each) EXPECT_EQ(list("60").status, 503);
    EXPECT_TRUE(has_metric("doorbuster_gateway_breaker_state{room=\"product\"} 0"))
        << "less than a room needs says nothing about it; more does, whoever chose it";
    for (int each = 0; each < 5; ++each) EXPECT_EQ(list().status, 503);
    EXPECT_TRUE(has_metric("doorbuster_gateway_breaker_state{room=\"product\"} 2"));
    const auto asked_before = product.requests.size();
    const auto refused = list();
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(has_code(refused, "upstream_unavailable"));
    EXPECT_EQ(refused.headers.get("Retry-After"), "1");
    EXPECT_LT(refused.took_ms, 100);
    EXPECT_EQ(product.requests.size(), asked_before);
    EXPECT_EQ(ask("GET", "/api/v1/echo").status, 200) << "only that room";
    product.resume();
    const auto end = net::deadline_in(milliseconds(5000));
    while (list().status != 200 && net::SteadyClock::now() < end) {
        testing::run_on_loop(loop, net::sleep_for(milliseconds(10)));
    }
    for (int each = 0; each < 2; ++each) EXPECT_EQ(list().status, 200);
    EXPECT_TRUE(has_metric("doorbuster_gateway_breaker_state{room=\"product\"} 0"));
}

TEST_F(GatewayTest, A503IsAnAnswerAndOpensNothing) {
    product.response.status = 503;
    for (int each = 0; each < 20; ++each) EXPECT_EQ(ask("GET", "/api/v1/products").status, 503);
    EXPECT_TRUE(has_metric("doorbuster_gateway_breaker_state{room=\"product\"} 0"));
    EXPECT_EQ(product.requests.size(), 20U);
}

TEST_F(GatewayTest, RetriesOnlySoMuch) {
    order_settings.origins = {order_1.origin()};
    order_settings.retries.at_least = 5;
    const auto pay = [&] {
        order_1.break_next();
        return ask_as(token::Role::customer, "POST", "/api/v1/orders/1/pay").status;
    };
    for (int each = 0; each < 5; ++each) EXPECT_EQ(pay(), 200);
    EXPECT_EQ(pay(), 503) << "the budget is used up";
    EXPECT_TRUE(has_metric("doorbuster_gateway_retries_total{room=\"order\"} 5"));
    EXPECT_TRUE(has_metric("doorbuster_gateway_retries_refused_total{room=\"order\"} 1"));
    EXPECT_EQ(buy().status, 200);
}

TEST_F(GatewayTest, LooksNamesUp) {
    order_settings.origins = {{"localhost", order_1.origin().port}};
    open();
    const auto end = net::deadline_in(milliseconds(5000));
    while (rooms[3]->pods() == 0 && net::SteadyClock::now() < end) {
        testing::run_on_loop(loop, net::sleep_for(milliseconds(5)));
    }
    EXPECT_EQ(buy().status, 200);
    EXPECT_EQ(order_1.requests.size(), 1U);
}

TEST_F(GatewayTest, SaysSoBeforeAnyPodIsKnown) {
    order_settings.origins = {{"no-such-name.invalid", 80}};
    const auto answer = buy();
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(has_code(answer, "upstream_unavailable"));
}

}  // namespace
