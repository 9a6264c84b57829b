#include "order/clients/payment_client.hpp"

#include <gtest/gtest.h>

#include "http/server.hpp"
#include "json/json.hpp"
#include "net/event.hpp"
#include "testing/run_on_loop.hpp"

namespace order {
namespace {

using std::chrono::milliseconds;
using Effect = base::NeighbourError::Effect;

/// The provider's end: a real server that answers as told and remembers what it was sent.
class PaymentClientTest : public ::testing::Test {
  protected:
    PaymentClientTest() {
        router_.add("*", "/*", [this](http::Request& request) { return answer(request); });
        server_.emplace(loop_.get_executor(), http::ServerLimits{}, router_, nullptr, "provider");
        server_->listen("127.0.0.1", 0);
        PaymentClient::Limits limits;
        limits.timeout_ms = 200;
        const http::Origin origin{"127.0.0.1", server_->port()};
        client_.emplace(loop_.get_executor(), origin, "Service order:secret", limits);
    }

    void will_answer(int status, const std::string& body) { response_ = {status, {}, body}; }
    void will_say(const std::string& state, const std::string& amount = "4900") {
        will_answer(
            200, R"({"state":")" + state + R"(","currency":"EUR","amount_cents":)" + amount + "}"
        );
    }
    void will_refuse(int status, const std::string& code) {
        will_answer(status, R"({"code":")" + code + "\"}");
    }

    std::optional<ChargeVerdict> charge() {
        return run(client_->charge(attempt_, "sandbox:approve", soon()));
    }
    std::optional<ChargeVerdict> ask() { return run(client_->ask(attempt_, soon())); }
    VoidAnswer void_charge() { return run(client_->void_charge(attempt_, soon())); }
    void refund() { run(client_->refund(attempt_, soon())); }

    /// The effect of the charge that failed.
    std::optional<Effect> failed_charge() {
        try {
            charge();
        } catch (const base::NeighbourError& error) {
            return error.effect();
        }
        return std::nullopt;
    }

    template <class T>
    T run(net::awaitable<T> work) {
        return ::testing::run_on_loop(loop_, std::move(work));
    }
    static net::Deadline soon() { return net::deadline_in(milliseconds(5000)); }

    net::asio::io_context loop_;
    http::Router router_;
    std::optional<http::Server> server_;
    std::optional<PaymentClient> client_;
    http::Response response_;
    milliseconds delay_{0};
    http::Request request_;
    PaymentAttempt attempt_{
        base::Uuid::parse("01932b5e-7a10-7c3e-8f21-5d1c0a9b7e44").value(), 3, 4900, "EUR"
    };

  private:
    net::awaitable<http::Response> answer(http::Request& request) {
        request_ = request;
        if (delay_ > milliseconds(0)) co_await net::sleep_for(delay_);
        co_return response_;
    }
};

TEST_F(PaymentClientTest, AsksForWhatTheAttemptSays) {
    will_say("charged");
    EXPECT_EQ(charge(), ChargeVerdict::approved);
    EXPECT_EQ(request_.method + " " + request_.path, "POST /v1/charges");
    EXPECT_EQ(request_.headers.get("Authorization"), "Service order:secret");
    const auto body = json::parse(request_.body);
    ASSERT_TRUE(body);
    EXPECT_EQ(body->at("key").as_string(), "01932b5e-7a10-7c3e-8f21-5d1c0a9b7e44:3");
    EXPECT_EQ(body->at("amount_cents").as_int64(), 4900);
    EXPECT_EQ(body->at("currency").as_string(), "EUR");
    EXPECT_EQ(body->at("method").as_string(), "sandbox:approve");
}

TEST_F(PaymentClientTest, SaysWhoseDoingItIs) {
    const auto trace = http::TraceContext::make();
    const std::string expected = "00-" + std::string(trace.trace_id());
    const auto traced = [&] {
        return std::string(request_.headers.get("traceparent").value_or("")).substr(0, 35);
    };
    const Call call(soon(), trace);
    will_say("charged");
    run(client_->charge(attempt_, "sandbox:approve", call));
    EXPECT_EQ(traced(), expected);
    run(client_->ask(attempt_, call));
    EXPECT_EQ(traced(), expected);
    will_say("voided");
    run(client_->void_charge(attempt_, call));
    EXPECT_EQ(traced(), expected);
    will_say("refunded");
    run(client_->refund(attempt_, call));
    EXPECT_EQ(traced(), expected);
    run(client_->refund(attempt_, soon()));
    EXPECT_NE(traced(), expected) << "work of one's own";
}

TEST_F(PaymentClientTest, TellsVerdictsFromNone) {
    for (const auto* state : {"declined", "voided", "refunded"}) {
        will_say(state);
        EXPECT_EQ(charge(), ChargeVerdict::declined) << state;
    }
    will_say("pending");
    EXPECT_EQ(charge(), std::nullopt);
    EXPECT_EQ(ask(), std::nullopt);
    EXPECT_EQ(
        request_.method + " " + request_.path,
        "GET /v1/charges/01932b5e-7a10-7c3e-8f21-5d1c0a9b7e44:3"
    );
    will_refuse(404, "charge_unknown");
    EXPECT_EQ(ask(), std::nullopt) << "it may still be on its way";
    will_say("charged");
    EXPECT_EQ(ask(), ChargeVerdict::approved);
}

TEST_F(PaymentClientTest, TakesNoVerdictAboutAnotherAmount) {
    for (const auto* state : {"charged", "declined", "refunded"}) {
        will_say(state, "4901");
        EXPECT_EQ(charge(), std::nullopt) << state;
        EXPECT_EQ(ask(), std::nullopt) << state;
    }
    will_answer(200, R"({"state":"charged","currency":"USD","amount_cents":4900})");
    EXPECT_EQ(charge(), std::nullopt);
    will_answer(200, R"({"state":"charged"})");
    EXPECT_EQ(charge(), std::nullopt);
    will_answer(200, R"({"state":"voided"})");
    EXPECT_EQ(charge(), ChargeVerdict::declined) << "a void came first: nothing was ever asked for";
}

TEST_F(PaymentClientTest, KnowsWhatCertainlyWasNotCharged) {
    will_refuse(503, "busy");
    EXPECT_EQ(failed_charge(), Effect::none);
    will_refuse(503, "unavailable");
    EXPECT_EQ(failed_charge(), Effect::none);
    will_refuse(401, "service_credential_required");
    EXPECT_EQ(failed_charge(), Effect::none);
    will_refuse(503, "unknown");
    EXPECT_EQ(failed_charge(), Effect::unknown);
    will_refuse(500, "internal");
    EXPECT_EQ(failed_charge(), Effect::unknown);
    will_say("nonsense");
    EXPECT_EQ(failed_charge(), Effect::unknown);
    will_answer(200, "not json");
    EXPECT_EQ(failed_charge(), Effect::unknown);
    server_.reset();
    EXPECT_EQ(failed_charge(), Effect::none) << "nobody is there";
}

TEST_F(PaymentClientTest, WaitsNoLongerThanItsOwnLimit) {
    will_say("charged");
    delay_ = milliseconds(400);
    const auto began = net::SteadyClock::now();
    EXPECT_EQ(failed_charge(), Effect::unknown);
    EXPECT_LT(net::SteadyClock::now() - began, milliseconds(390));
}

TEST_F(PaymentClientTest, AVoidThatCameTooLateIsNoFailure) {
    will_say("voided");
    EXPECT_EQ(void_charge(), VoidAnswer::voided);
    will_say("declined");
    EXPECT_EQ(void_charge(), VoidAnswer::voided);
    will_refuse(409, "refunded");
    EXPECT_EQ(void_charge(), VoidAnswer::voided);
    will_refuse(409, "charged");
    EXPECT_EQ(void_charge(), VoidAnswer::charged);
    will_refuse(409, "something else");
    EXPECT_THROW(void_charge(), base::NeighbourError);
}

TEST_F(PaymentClientTest, ARefundIsDoneWhenNoMoneyIsKept) {
    will_say("refunded");
    EXPECT_NO_THROW(refund());
    will_refuse(409, "not_charged");
    EXPECT_NO_THROW(refund());
    will_refuse(409, "pending");
    EXPECT_THROW(refund(), base::NeighbourError);
    will_refuse(404, "charge_unknown");
    EXPECT_THROW(refund(), base::NeighbourError);
}

}  // namespace
}  // namespace order
