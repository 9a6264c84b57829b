#include "order/engine/payments.hpp"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "order/store/test_shop.hpp"
#include "testing/temporary_postgres.hpp"

namespace order {
namespace {

using Effect = base::NeighbourError::Effect;

/// Does what a test says, as the interface promises it; the store and its database are real.
class ScriptedProvider final : public PaymentProvider {
  public:
    bool accepts(std::string_view) const override { return true; }
    net::awaitable<std::optional<ChargeVerdict>> charge(PaymentAttempt, std::string, Call)
        override {
        if (failure) throw base::NeighbourError("provider", "scripted", *failure);
        co_return verdict;
    }
    net::awaitable<std::optional<ChargeVerdict>> ask(PaymentAttempt, Call) override {
        ++questions;
        if (failure) throw base::NeighbourError("provider", "scripted", *failure);
        co_return verdict;
    }
    net::awaitable<VoidAnswer> void_charge(PaymentAttempt attempt, Call) override {
        ++voids;
        const bool is_hopeless = std::ranges::find(hopeless, attempt.order_id) != hopeless.end();
        if (is_hopeless) throw base::NeighbourError("provider", "scripted", Effect::unknown);
        if (failure) throw base::NeighbourError("provider", "scripted", *failure);
        co_return void_answer;
    }
    net::awaitable<void> refund(PaymentAttempt, Call) override {
        if (failure) throw base::NeighbourError("provider", "scripted", *failure);
        ++refunds;
        co_return;
    }

    std::optional<ChargeVerdict> verdict;
    std::optional<Effect> failure;
    VoidAnswer void_answer = VoidAnswer::voided;
    std::vector<base::Uuid> hopeless;  ///< orders whose voids always fail
    int questions = 0;
    int voids = 0;
    int refunds = 0;
};

class PaymentsTest : public ::testing::Test {
  protected:
    PaymentsTest() { shop_.apply(sale_, {take_}); }

    static PaymentLimits limits() {
        PaymentLimits limits;
        limits.paying_ms = 300;
        limits.ask_after_ms = 50;
        return limits;
    }
    Payments::Outcome pay(std::optional<RequestKey> key = {}) { return pay(take_, key); }
    Payments::Outcome pay(const Take& take, std::optional<RequestKey> key = {}) {
        PayRequest request{take.order_id, take.customer_id, "sandbox:x", key};
        return shop_.run(payments_.pay(std::move(request), TestShop::soon()));
    }
    void chase_after_ms(std::int64_t time_ms) {
        shop_.number("SELECT 1 FROM pg_sleep(" + std::to_string(time_ms) + " / 1000.0)");
        shop_.run(payments_.chase());
    }
    std::int64_t attempt_state() {
        return shop_.number("SELECT state FROM orders.payment_attempts ORDER BY n DESC LIMIT 1");
    }

    TestShop shop_{::testing::make_database("order_payments")};
    base::Uuid sale_ = shop_.make_sale({.units = 5});
    Take take_ = shop_.take(2);
    ScriptedProvider provider_;
    /// An order of another kind, of which an attempt 7 is known.
    base::Uuid elsewhere_ = shop_.new_id();
    bool settled_now_ = false;  ///< as its last verdict came
    std::string trace_id_;      ///< likewise
    Payments payments_{
        shop_.executor(),
        shop_.payments,
        provider_,
        [this](
            base::Uuid order,
            std::int32_t n,
            ChargeVerdict verdict,
            bool settle_now,
            http::TraceContext trace
        ) {
            settled_now_ = settle_now;
            trace_id_ = trace.trace_id();
            return deliver_elsewhere(order, n, verdict);
        },
        limits()
    };

    net::awaitable<std::optional<PayFinish>> deliver_elsewhere(
        base::Uuid order, std::int32_t n, ChargeVerdict verdict
    ) {
        if (order != elsewhere_ || n != 7) co_return std::nullopt;
        co_return verdict == ChargeVerdict::approved ? PayFinish::paid : PayFinish::declined;
    }
};

TEST_F(PaymentsTest, AProviderThatWasNotReachedCostsNoHold) {
    provider_.failure = Effect::none;
    EXPECT_EQ(pay(), Payments::Outcome::unavailable);
    EXPECT_EQ(shop_.state_of(take_), OrderState::reserved);
    provider_.failure.reset();
    provider_.verdict = ChargeVerdict::approved;
    EXPECT_EQ(pay(), Payments::Outcome::paid) << "the same hold, once it is back";
    EXPECT_EQ(shop_.violations(sale_), "");
}

TEST_F(PaymentsTest, AKeyIsAnsweredAsItsAttemptWas) {
    const RequestKey first{shop_.new_id(), shop_.new_id()};
    const RequestKey second{shop_.new_id(), shop_.new_id()};
    provider_.verdict = ChargeVerdict::declined;
    EXPECT_EQ(pay(first), Payments::Outcome::declined);
    provider_.verdict = ChargeVerdict::approved;
    EXPECT_EQ(pay(first), Payments::Outcome::declined) << "it came late: nothing is charged";
    EXPECT_EQ(pay(second), Payments::Outcome::paid);
    EXPECT_EQ(pay(RequestKey{first.key, second.fingerprint}), Payments::Outcome::key_reused);
    EXPECT_EQ(attempt_state(), 2);
    EXPECT_EQ(shop_.number("SELECT count(*) FROM orders.payment_attempts"), 2);
}

TEST_F(PaymentsTest, AProviderThatWasNotReachedBindsNoKey) {
    const RequestKey key{shop_.new_id(), shop_.new_id()};
    provider_.failure = Effect::none;
    EXPECT_EQ(pay(key), Payments::Outcome::unavailable);
    provider_.failure.reset();
    provider_.verdict = ChargeVerdict::approved;
    EXPECT_EQ(pay(key), Payments::Outcome::paid);
}

TEST_F(PaymentsTest, AnAnswerThatGotLostIsAskedFor) {
    provider_.failure = Effect::unknown;
    EXPECT_EQ(pay(), Payments::Outcome::undecided);
    EXPECT_EQ(pay(), Payments::Outcome::undecided) << "one attempt at a time";
    chase_after_ms(60);
    EXPECT_EQ(shop_.state_of(take_), OrderState::paying) << "the provider is still away";
    provider_.failure.reset();
    provider_.verdict = ChargeVerdict::approved;
    chase_after_ms(60);
    EXPECT_EQ(shop_.state_of(take_), OrderState::paid);
    EXPECT_EQ(provider_.questions, 2);
    EXPECT_EQ(provider_.refunds + provider_.voids, 0);
}

TEST_F(PaymentsTest, AWebhookDecidesAPendingAttemptWheneverItComes) {
    EXPECT_EQ(pay(), Payments::Outcome::undecided);
    const auto deliver = [&] {
        return shop_.run(payments_.deliver(take_.order_id, 1, ChargeVerdict::approved, true));
    };
    EXPECT_EQ(deliver(), PayFinish::paid);
    EXPECT_EQ(deliver(), PayFinish::paid) << "twice";
    EXPECT_EQ(pay(), Payments::Outcome::paid);
    EXPECT_EQ(
        shop_.run(payments_.deliver(shop_.new_id(), 1, ChargeVerdict::approved, true)),
        PayFinish::unknown_attempt
    );
}

TEST_F(PaymentsTest, AVerdictOfAnotherKindOfOrderGoesWhereItBelongs) {
    const auto deliver = [&](std::int32_t n, ChargeVerdict verdict) {
        return shop_.run(payments_.deliver(elsewhere_, n, verdict, true));
    };
    EXPECT_EQ(deliver(7, ChargeVerdict::approved), PayFinish::paid);
    EXPECT_EQ(deliver(7, ChargeVerdict::declined), PayFinish::declined);
    EXPECT_EQ(deliver(8, ChargeVerdict::approved), PayFinish::unknown_attempt);
    EXPECT_TRUE(settled_now_);
    const auto trace = http::TraceContext::make();
    shop_.run(payments_.deliver(elsewhere_, 7, ChargeVerdict::approved, true, trace));
    EXPECT_EQ(trace_id_, trace.trace_id());
}

TEST_F(PaymentsTest, AVerdictThatWasAskedForWaitsForNoSettlement) {
    shop_.execute(
        "INSERT INTO orders.payment_attempts (order_id, n, state, amount_cents, currency, "
        "paying_until, due_at, created_at, changed_at) VALUES ('" +
        elsewhere_.to_string() +
        "', 7, 0, 1, 'EUR', now() + interval '1 minute', now(), now() - interval '1 minute', now())"
    );
    settled_now_ = true;
    provider_.verdict = ChargeVerdict::approved;
    chase_after_ms(1);
    EXPECT_EQ(provider_.questions, 1);
    EXPECT_FALSE(settled_now_);
}

TEST_F(PaymentsTest, NoMoneyIsKeptOfAnAttemptThatLapsed) {
    EXPECT_EQ(pay(), Payments::Outcome::undecided);
    provider_.void_answer = VoidAnswer::charged;
    chase_after_ms(310);
    EXPECT_EQ(provider_.voids, 1);
    EXPECT_EQ(attempt_state(), 5) << "it was charged after all: the money is due back";
    EXPECT_EQ(shop_.apply(sale_, {}).remaining, 5) << "its units came back";
    EXPECT_EQ(shop_.state_of(take_), OrderState::expired);
    chase_after_ms(1);
    EXPECT_EQ(provider_.refunds, 1);
    EXPECT_EQ(attempt_state(), 6);
    EXPECT_EQ(shop_.violations(sale_), "");
}

TEST_F(PaymentsTest, OneHopelessVoidKeepsNoOtherWaiting) {
    const Take other = shop_.take();
    shop_.apply(sale_, {other});
    EXPECT_EQ(pay(), Payments::Outcome::undecided);
    pay(other);
    provider_.hopeless = {take_.order_id};
    chase_after_ms(310);
    EXPECT_EQ(attempt_state(), 3);
    EXPECT_EQ(shop_.number("SELECT count(*) FROM orders.payment_attempts WHERE state = 4"), 1);
}

TEST_F(PaymentsTest, AProviderThatIsAwayIsNotAskedForEachAttempt) {
    std::vector<Take> takes;
    for (int count = 0; count < 4; ++count) takes.push_back(shop_.take());
    const base::Uuid sale = shop_.make_sale({.units = 9});
    shop_.apply(sale, takes);
    for (const Take& take : takes) {
        pay(take);
        provider_.hopeless.push_back(take.order_id);
    }
    chase_after_ms(310);
    EXPECT_EQ(provider_.voids, 3);
}

TEST_F(PaymentsTest, AVerdictThatCannotBeRecordedIsUndecided) {
    provider_.verdict = ChargeVerdict::approved;
    shop_.execute("ALTER FUNCTION orders.pay_finish_v2 RENAME TO pay_finish_gone");
    EXPECT_EQ(pay(), Payments::Outcome::undecided);
    shop_.execute("ALTER FUNCTION orders.pay_finish_gone RENAME TO pay_finish_v2");
    EXPECT_EQ(shop_.state_of(take_), OrderState::paying);
    chase_after_ms(60);
    EXPECT_EQ(shop_.state_of(take_), OrderState::paid);
}

TEST_F(PaymentsTest, ALateWebhookOfAVoidedAttemptIsGivenBack) {
    EXPECT_EQ(pay(), Payments::Outcome::undecided);
    chase_after_ms(310);
    EXPECT_EQ(attempt_state(), 4);
    EXPECT_EQ(
        shop_.run(payments_.deliver(take_.order_id, 1, ChargeVerdict::approved, true)),
        PayFinish::refund_due
    );
    chase_after_ms(1);
    EXPECT_EQ(attempt_state(), 6);
    EXPECT_EQ(provider_.refunds, 1);
}

TEST_F(PaymentsTest, ARefundWaitsForTheProvider) {
    provider_.verdict = ChargeVerdict::approved;
    ASSERT_EQ(pay(), Payments::Outcome::paid);
    const auto refund = [&] {
        return shop_.run(payments_.refund(take_.order_id, take_.customer_id, TestShop::soon()));
    };
    EXPECT_EQ(refund(), RefundOutcome::refunded);
    EXPECT_EQ(refund(), RefundOutcome::refunded) << "repeated";
    EXPECT_EQ(pay(), Payments::Outcome::refunded);
    provider_.failure = Effect::none;
    chase_after_ms(1);
    EXPECT_EQ(attempt_state(), 5);
    provider_.failure.reset();
    shop_.execute("UPDATE orders.payment_attempts SET due_at = now()");
    chase_after_ms(1);
    EXPECT_EQ(attempt_state(), 6);
    EXPECT_EQ(provider_.refunds, 1);
}

}  // namespace
}  // namespace order
