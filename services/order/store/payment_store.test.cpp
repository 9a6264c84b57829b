#include "order/store/payment_store.hpp"

#include <gtest/gtest.h>

#include "order/store/test_shop.hpp"
#include "testing/temporary_postgres.hpp"

namespace order {
namespace {

class PaymentStoreTest : public ::testing::Test {
  protected:
    PaymentStoreTest() { shop_.apply(sale_, {take_}); }

    std::int64_t attempt_state(std::int32_t n) {
        return shop_.number(
            "SELECT state FROM orders.payment_attempts WHERE n = " + std::to_string(n) +
            " AND order_id = '" + take_.order_id.to_string() + "'"
        );
    }
    void wait_ms(std::int64_t time_ms) {
        shop_.number("SELECT 1 FROM pg_sleep(" + std::to_string(time_ms) + " / 1000.0)");
    }

    TestShop shop_{::testing::make_database("order_payment")};
    base::Uuid sale_ = shop_.make_sale({.units = 5});
    Take take_ = shop_.take(2);
};

TEST_F(PaymentStoreTest, StartsOneAttemptAtATime) {
    const Take stranger = shop_.take();
    const PaymentStore::BeginRequest mine{take_.order_id, take_.customer_id};
    const auto results = shop_.run(shop_.payments.begin(
        {{take_.order_id, stranger.customer_id}, mine, mine}, 60'000, TestShop::soon()
    ));
    EXPECT_EQ(results[0].outcome, PayStart::not_found);
    EXPECT_EQ(results[1].outcome, PayStart::started);
    EXPECT_EQ(results[1].attempt.amount_cents, 2 * 1999);
    EXPECT_EQ(results[1].attempt.currency, "EUR");
    EXPECT_EQ(results[2].outcome, PayStart::already_paying);
    EXPECT_EQ(shop_.begin(take_).outcome, PayStart::already_paying);
    const auto back = shop_.apply(sale_, {}, {{take_.order_id, take_.customer_id}});
    EXPECT_EQ(back.returns, std::vector<ReturnOutcome>{ReturnOutcome::paying});
}

TEST_F(PaymentStoreTest, TriesAgainOnlyAfterADecline) {
    ASSERT_EQ(shop_.begin(take_).outcome, PayStart::started);
    EXPECT_EQ(shop_.finish(take_, 1, ChargeVerdict::declined), PayFinish::declined);
    EXPECT_EQ(shop_.state_of(take_), OrderState::reserved);
    const auto second = shop_.begin(take_);
    ASSERT_EQ(second.outcome, PayStart::started);
    EXPECT_EQ(second.attempt.n, 2);
    EXPECT_EQ(shop_.finish(take_, 2, ChargeVerdict::approved), PayFinish::paid);
    EXPECT_EQ(shop_.finish(take_, 2, ChargeVerdict::approved), PayFinish::paid) << "repeated";
    EXPECT_EQ(shop_.finish(take_, 1, ChargeVerdict::declined), PayFinish::declined) << "repeated";
    EXPECT_EQ(shop_.finish(take_, 3, ChargeVerdict::approved), PayFinish::unknown_attempt);
    EXPECT_EQ(shop_.state_of(take_), OrderState::paid);
    EXPECT_EQ(shop_.begin(take_).outcome, PayStart::already_paid);
    EXPECT_EQ(shop_.violations(sale_), "");
}

TEST_F(PaymentStoreTest, GivesALapsedPaymentsUnitsBackLongBeforeTheHoldEnds) {
    ASSERT_EQ(shop_.begin(take_, 500).outcome, PayStart::started);
    EXPECT_EQ(shop_.run(shop_.payments.lapse(10, TestShop::soon())), 0) << "not yet";
    wait_ms(510);
    EXPECT_EQ(shop_.run(shop_.payments.lapse(10, TestShop::soon())), 1);
    EXPECT_EQ(shop_.begin(take_).outcome, PayStart::expired);
    const auto due = shop_.run(shop_.sales.due(0, TestShop::soon()));
    EXPECT_EQ(due.reclaimable, std::vector<base::Uuid>{sale_});
    EXPECT_EQ(shop_.apply(sale_, {}).remaining, 5);
    EXPECT_EQ(shop_.state_of(take_), OrderState::expired);
    EXPECT_EQ(shop_.violations(sale_), "");

    const auto voids = shop_.run(shop_.payments.claim_due(10, 60'000, TestShop::soon()));
    ASSERT_EQ(voids.size(), 1u);
    EXPECT_FALSE(voids[0].refund);
    EXPECT_EQ(voids[0].attempt.amount_cents, 2 * 1999);
    const auto others = shop_.run(shop_.payments.claim_due(10, 60'000, TestShop::soon()));
    EXPECT_TRUE(others.empty()) << "claimed for a minute";
    shop_.run(shop_.payments.confirm_due(voids, TestShop::soon()));
    EXPECT_EQ(attempt_state(1), 4);
}

TEST_F(PaymentStoreTest, GivesMoneyBackThatCameTooLate) {
    ASSERT_EQ(shop_.begin(take_, 20).outcome, PayStart::started);
    wait_ms(30);
    EXPECT_EQ(shop_.run(shop_.payments.lapse(10, TestShop::soon())), 1);
    EXPECT_EQ(shop_.finish(take_, 1, ChargeVerdict::approved), PayFinish::refund_due);
    const auto due = shop_.run(shop_.payments.claim_due(10, 60'000, TestShop::soon()));
    ASSERT_EQ(due.size(), 1u);
    EXPECT_TRUE(due[0].refund);
    shop_.run(shop_.payments.confirm_due(due, TestShop::soon()));
    EXPECT_EQ(attempt_state(1), 6);
    EXPECT_EQ(shop_.finish(take_, 1, ChargeVerdict::approved), PayFinish::refund_due);
    EXPECT_EQ(shop_.state_of(take_), OrderState::reserved) << "due, until a batch comes by";
}

TEST_F(PaymentStoreTest, KeepsTheProvidersBook) {
    const PaymentAttempt attempt{take_.order_id, 1, 3998, "EUR"};
    const PaymentAttempt voided{take_.order_id, 2, 3998, "EUR"};
    const auto charge = [&](const PaymentAttempt& which, bool approve) {
        return shop_.run(shop_.sandbox.charge({{which, approve}}, TestShop::soon())).at(0);
    };
    EXPECT_EQ(charge(attempt, true), ChargeVerdict::approved);
    EXPECT_EQ(charge(attempt, false), ChargeVerdict::approved) << "the first call decides";
    shop_.run(shop_.sandbox.void_all({voided}, TestShop::soon()));
    EXPECT_EQ(charge(voided, true), ChargeVerdict::declined) << "a void blocks what comes later";
    shop_.run(shop_.sandbox.refund_all({attempt}, TestShop::soon()));
    EXPECT_EQ(charge(attempt, true), ChargeVerdict::declined) << "not charged any more";
    EXPECT_EQ(shop_.number("SELECT count(*) FROM sandbox.charges WHERE state = 'refunded'"), 1);
}

}  // namespace
}  // namespace order
