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
    std::int64_t attempt_state_of_others() {
        return shop_.number("SELECT sum(state)::bigint FROM orders.payment_attempts WHERE n > 6");
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

TEST_F(PaymentStoreTest, GivesMoneyBackThatComesForAnAttemptClosedWithoutMoney) {
    ASSERT_EQ(shop_.begin(take_).outcome, PayStart::started);
    EXPECT_EQ(shop_.finish(take_, 1, ChargeVerdict::declined), PayFinish::declined);
    ASSERT_EQ(shop_.begin(take_).outcome, PayStart::started);
    EXPECT_EQ(shop_.finish(take_, 1, ChargeVerdict::approved), PayFinish::refund_due);
    EXPECT_EQ(attempt_state(1), 5);
    EXPECT_EQ(shop_.finish(take_, 2, ChargeVerdict::approved), PayFinish::paid);
    EXPECT_EQ(shop_.finish(take_, 2, ChargeVerdict::declined), PayFinish::paid) << "too late";
    EXPECT_EQ(shop_.state_of(take_), OrderState::paid);

    const Take other = shop_.take();
    shop_.apply(sale_, {other});
    ASSERT_EQ(shop_.begin(other, 20).outcome, PayStart::started);
    wait_ms(30);
    shop_.run(shop_.payments.lapse(10, TestShop::soon()));
    auto due = shop_.run(shop_.payments.claim_due(10, 60'000, TestShop::soon()));
    shop_.run(shop_.payments.confirm_due(due, TestShop::soon()));
    EXPECT_EQ(shop_.finish(other, 1, ChargeVerdict::approved), PayFinish::refund_due)
        << "the provider charged what it said was voided";
}

TEST_F(PaymentStoreTest, TakesAnApprovalRatherThanADeclineOfTheSameMoment) {
    ASSERT_EQ(shop_.begin(take_).outcome, PayStart::started);
    const auto outcomes = shop_.run(shop_.payments.finish(
        {{take_.order_id, 1, ChargeVerdict::declined},
         {take_.order_id, 1, ChargeVerdict::approved},
         {take_.order_id, 1, ChargeVerdict::approved}},
        TestShop::soon()
    ));
    EXPECT_EQ(outcomes, std::vector<PayFinish>(3, PayFinish::paid));
    EXPECT_EQ(shop_.state_of(take_), OrderState::paid);
}

TEST_F(PaymentStoreTest, LeavesAttemptsOfOtherOrdersAlone) {
    const Take other = shop_.take();
    shop_.execute(
        "INSERT INTO orders.payment_attempts (order_id, n, state, amount_cents, currency, "
        "paying_until, due_at, created_at, changed_at) VALUES ('" +
        other.order_id.to_string() + "', 7, 0, 1, 'EUR', now(), now(), now(), now())"
    );
    EXPECT_EQ(shop_.finish(other, 7, ChargeVerdict::approved), PayFinish::unknown_attempt);
    EXPECT_EQ(shop_.number("SELECT state FROM orders.payment_attempts WHERE n = 7"), 0);
}

TEST_F(PaymentStoreTest, ALapseCountsOnlyOrdersOfSales) {
    for (const int n : {7, 8}) {
        shop_.execute(
            "INSERT INTO orders.payment_attempts (order_id, n, state, amount_cents, currency, "
            "paying_until, due_at, created_at, changed_at) VALUES ('" +
            shop_.new_id().to_string() + "', " + std::to_string(n) +
            ", 0, 1, 'EUR', now() - interval '1 hour', now(), now(), now())"
        );
    }
    ASSERT_EQ(shop_.begin(take_, 20).outcome, PayStart::started);
    wait_ms(30);
    EXPECT_EQ(shop_.run(shop_.payments.lapse(1, TestShop::soon())), 1);
    EXPECT_EQ(attempt_state(1), 3);
    EXPECT_EQ(attempt_state_of_others(), 0) << "they are another sweep's";
}

TEST_F(PaymentStoreTest, WhatFailedBeforeComesLaterAndWaitsLonger) {
    const Take other = shop_.take();
    shop_.apply(sale_, {other});
    for (const Take& take : {take_, other}) {
        ASSERT_EQ(shop_.begin(take, 20).outcome, PayStart::started);
    }
    wait_ms(30);
    ASSERT_EQ(shop_.run(shop_.payments.lapse(10, TestShop::soon())), 2);
    const auto claim = [&] {
        return shop_.run(shop_.payments.claim_due(1, 60'000, TestShop::soon())).at(0);
    };
    const auto wait_s = [&](const base::Uuid& order) {
        return shop_.number(
            "SELECT round(extract(epoch FROM due_at - now()))::bigint FROM orders.payment_attempts "
            "WHERE order_id = '" +
            order.to_string() + "'"
        );
    };
    const base::Uuid first = claim().attempt.order_id;
    EXPECT_EQ(wait_s(first), 60);
    shop_.execute("UPDATE orders.payment_attempts SET due_at = now()");
    EXPECT_NE(claim().attempt.order_id, first) << "it was tried once less";
    shop_.execute("UPDATE orders.payment_attempts SET due_at = now()");
    const base::Uuid third = claim().attempt.order_id;
    EXPECT_EQ(wait_s(third), 120);
    shop_.execute("UPDATE orders.payment_attempts SET due_at = now(), tries = 1000");
    EXPECT_EQ(wait_s(claim().attempt.order_id), 64 * 60);
}

TEST_F(PaymentStoreTest, KnowsWhatAnAttemptWasAbout) {
    ASSERT_EQ(shop_.begin(take_).outcome, PayStart::started);
    const auto found = shop_.run(shop_.payments.find(take_.order_id, 1, TestShop::soon()));
    ASSERT_TRUE(found);
    EXPECT_TRUE(is_about(*found, 2 * 1999, "EUR"));
    EXPECT_FALSE(is_about(*found, 2 * 1999, "USD"));
    EXPECT_FALSE(is_about(*found, 1999, "EUR"));
    EXPECT_FALSE(shop_.run(shop_.payments.find(take_.order_id, 2, TestShop::soon())));
}

TEST_F(PaymentStoreTest, FindsAttemptsWhoseVerdictIsMissing) {
    ASSERT_EQ(shop_.begin(take_).outcome, PayStart::started);
    const auto open = [&] {
        return shop_.run(shop_.payments.claim_open(10, 40, TestShop::soon()));
    };
    EXPECT_TRUE(open().empty()) << "still under way";
    wait_ms(50);
    const auto found = open();
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].order_id, take_.order_id);
    EXPECT_EQ(found[0].n, 1);
    EXPECT_EQ(found[0].amount_cents, 2 * 1999);
    EXPECT_TRUE(open().empty()) << "claimed";
    wait_ms(50);
    EXPECT_EQ(open().size(), 1u);
    shop_.finish(take_, 1, ChargeVerdict::approved);
    wait_ms(50);
    EXPECT_TRUE(open().empty());
}

class PayKeyTest : public PaymentStoreTest {
  protected:
    RequestKey key() { return {shop_.new_id(), shop_.new_id()}; }
    PayStartResult begin(const Take& take, std::optional<RequestKey> key) {
        const PaymentStore::BeginRequest request{take.order_id, take.customer_id, key};
        return shop_.run(shop_.payments.begin({request}, 60'000, TestShop::soon())).at(0);
    }
    std::int64_t keys() { return shop_.number("SELECT count(*) FROM orders.order_keys"); }
};

TEST_F(PayKeyTest, IsAnsweredWithWhatBecameOfItsAttempt) {
    const RequestKey declined = key();
    const RequestKey paid = key();
    const RequestKey late = key();
    EXPECT_EQ(begin(take_, declined).attempt.n, 1);
    EXPECT_EQ(begin(take_, declined).outcome, PayStart::already_paying);
    EXPECT_EQ(begin(take_, late).outcome, PayStart::already_paying) << "not its attempt";
    shop_.finish(take_, 1, ChargeVerdict::declined);
    EXPECT_EQ(begin(take_, declined).outcome, PayStart::declined);
    EXPECT_EQ(begin(take_, paid).attempt.n, 2);
    shop_.finish(take_, 2, ChargeVerdict::approved);
    EXPECT_EQ(begin(take_, declined).outcome, PayStart::declined) << "whatever came after it";
    EXPECT_EQ(begin(take_, paid).outcome, PayStart::already_paid);
    EXPECT_EQ(begin(take_, late).outcome, PayStart::already_paid);
    shop_.run(shop_.payments.refund(take_.order_id, take_.customer_id, TestShop::soon()));
    EXPECT_EQ(begin(take_, paid).outcome, PayStart::already_paid) << "it was answered that";
    EXPECT_EQ(begin(take_, late).outcome, PayStart::already_paid) << "and that";
    EXPECT_EQ(begin(take_, declined).outcome, PayStart::declined);
    EXPECT_EQ(begin(take_, key()).outcome, PayStart::refunded);
    EXPECT_EQ(begin(take_, std::nullopt).outcome, PayStart::refunded);
    EXPECT_EQ(shop_.number("SELECT count(*) FROM orders.payment_attempts"), 2);
    EXPECT_EQ(keys(), 3) << "only an attempt binds a key";
}

TEST_F(PayKeyTest, OfALapsedAttemptIsExpired) {
    const RequestKey mine = key();
    const PaymentStore::BeginRequest request{take_.order_id, take_.customer_id, mine};
    shop_.run(shop_.payments.begin({request}, 20, TestShop::soon()));
    wait_ms(30);
    shop_.run(shop_.payments.lapse(10, TestShop::soon()));
    EXPECT_EQ(begin(take_, mine).outcome, PayStart::expired);
    EXPECT_EQ(shop_.finish(take_, 1, ChargeVerdict::approved), PayFinish::refund_due);
    EXPECT_EQ(begin(take_, mine).outcome, PayStart::expired);
}

TEST_F(PayKeyTest, ALateDeclineOfALapsedAttemptChangesNoAnswer) {
    const RequestKey mine = key();
    const PaymentStore::BeginRequest request{take_.order_id, take_.customer_id, mine};
    shop_.run(shop_.payments.begin({request}, 20, TestShop::soon()));
    wait_ms(30);
    shop_.run(shop_.payments.lapse(10, TestShop::soon()));
    EXPECT_EQ(begin(take_, mine).outcome, PayStart::expired);
    shop_.finish(take_, 1, ChargeVerdict::declined);
    EXPECT_EQ(attempt_state(1), 1);
    EXPECT_EQ(begin(take_, mine).outcome, PayStart::expired);
}

TEST_F(PayKeyTest, ALateApprovalOfADeclinedAttemptChangesNoAnswer) {
    const RequestKey mine = key();
    ASSERT_EQ(begin(take_, mine).outcome, PayStart::started);
    shop_.finish(take_, 1, ChargeVerdict::declined);
    EXPECT_EQ(begin(take_, mine).outcome, PayStart::declined);
    EXPECT_EQ(shop_.finish(take_, 1, ChargeVerdict::approved), PayFinish::refund_due);
    EXPECT_EQ(begin(take_, mine).outcome, PayStart::declined);
    EXPECT_EQ(shop_.state_of(take_), OrderState::reserved);
    EXPECT_EQ(begin(take_, key()).outcome, PayStart::expired) << "its money is on its way back";
}

TEST_F(PayKeyTest, IsNotKeptOfAPaidOrderWithoutEnd) {
    const RequestKey first = key();
    ASSERT_EQ(begin(take_, first).outcome, PayStart::started);
    shop_.finish(take_, 1, ChargeVerdict::approved);
    for (int asked = 0; asked < 110; ++asked) {
        ASSERT_EQ(begin(take_, key()).outcome, PayStart::already_paid);
    }
    EXPECT_EQ(keys(), 100);
    shop_.run(shop_.payments.refund(take_.order_id, take_.customer_id, TestShop::soon()));
    EXPECT_EQ(begin(take_, first).outcome, PayStart::already_paid);
    EXPECT_EQ(begin(take_, key()).outcome, PayStart::refunded);
}

TEST_F(PayKeyTest, IsOneCustomersForOneRequest) {
    const Take other = shop_.take_of(take_.customer_id);
    const base::Uuid second_sale = shop_.make_sale({.units = 5});
    shop_.apply(second_sale, {other});
    const RequestKey mine = key();
    EXPECT_EQ(begin(take_, mine).outcome, PayStart::started);
    EXPECT_EQ(begin(other, RequestKey{mine.key, shop_.new_id()}).outcome, PayStart::key_reused);
    EXPECT_EQ(shop_.state_of(other), OrderState::reserved);
    const Take stranger = shop_.take();
    shop_.apply(sale_, {stranger});
    EXPECT_EQ(begin(stranger, mine).outcome, PayStart::started) << "somebody else's key";
    Take not_mine = take_;
    not_mine.customer_id = stranger.customer_id;
    EXPECT_EQ(begin(not_mine, key()).outcome, PayStart::not_found);
    EXPECT_EQ(keys(), 2);
}

TEST_F(PayKeyTest, AnswersABatchInItsOrder) {
    const RequestKey known = key();
    ASSERT_EQ(begin(take_, known).outcome, PayStart::started);
    const Take keyed = shop_.take();
    const Take plain = shop_.take();
    shop_.apply(sale_, {keyed, plain});
    const RequestKey fresh = key();
    const auto ask = [](const Take& take, std::optional<RequestKey> key) {
        return PaymentStore::BeginRequest{take.order_id, take.customer_id, key};
    };
    const auto results = shop_.run(shop_.payments.begin(
        {ask(take_, known),
         ask(plain, std::nullopt),
         ask(keyed, fresh),
         ask(keyed, fresh),
         ask(keyed, std::nullopt),
         ask(take_, RequestKey{known.key, shop_.new_id()}),
         ask(shop_.take(), key())},
        60'000,
        TestShop::soon()
    ));
    std::vector<PayStart> outcomes;
    for (const PayStartResult& result : results) outcomes.push_back(result.outcome);
    const std::vector<PayStart> expected{
        PayStart::already_paying,
        PayStart::started,
        PayStart::started,
        PayStart::already_paying,
        PayStart::already_paying,
        PayStart::key_reused,
        PayStart::not_found
    };
    EXPECT_EQ(outcomes, expected);
    EXPECT_EQ(results[1].attempt.order_id, plain.order_id);
    EXPECT_EQ(results[2].attempt.order_id, keyed.order_id);
    EXPECT_EQ(results[2].attempt.amount_cents, 1999);
}

TEST_F(PayKeyTest, IsFreeAgainIfNobodyWasAsked) {
    const RequestKey mine = key();
    ASSERT_EQ(begin(take_, mine).outcome, PayStart::started);
    shop_.run(shop_.payments.unbind(take_.customer_id, mine, 2, TestShop::soon()));
    EXPECT_EQ(keys(), 1) << "another attempt's";
    shop_.run(shop_.payments.unbind(take_.customer_id, mine, 1, TestShop::soon()));
    shop_.finish(take_, 1, ChargeVerdict::declined);
    EXPECT_EQ(begin(take_, mine).attempt.n, 2);
}

class CancelKeyTest : public PayKeyTest {
  protected:
    SaleCancel cancel(const Take& take, RequestKey key) {
        return shop_.run(
            shop_.payments.cancel(take.order_id, take.customer_id, key, TestShop::soon())
        );
    }
    SaleCancel look_again(const Take& take, RequestKey key) {
        return shop_.run(
            shop_.payments.look_again(take.order_id, take.customer_id, key, TestShop::soon())
        );
    }
};

TEST_F(CancelKeyTest, NeverRefundsWhatItFoundUnpaid) {
    const RequestKey stalled = key();
    EXPECT_EQ(cancel(take_, stalled), SaleCancel::give_back) << "and then its pod stalls";
    ASSERT_EQ(shop_.begin(take_).outcome, PayStart::started);
    const RequestKey refused = key();
    EXPECT_EQ(cancel(take_, refused), SaleCancel::paying);
    shop_.finish(take_, 1, ChargeVerdict::approved);
    EXPECT_EQ(cancel(take_, stalled), SaleCancel::paying);
    EXPECT_EQ(cancel(take_, refused), SaleCancel::paying) << "the key's answer for good";
    EXPECT_EQ(shop_.state_of(take_), OrderState::paid);
    const RequestKey again = key();
    EXPECT_EQ(cancel(take_, again), SaleCancel::refunded);
    EXPECT_EQ(cancel(take_, again), SaleCancel::refunded);
    EXPECT_EQ(cancel(take_, stalled), SaleCancel::paying);
    EXPECT_EQ(shop_.state_of(take_), OrderState::refunded);
    EXPECT_EQ(attempt_state(1), 5);
    EXPECT_EQ(shop_.violations(sale_), "");
}

TEST_F(CancelKeyTest, IsToldOfACancelThatWasOnItsWay) {
    const RequestKey mine = key();
    EXPECT_EQ(cancel(take_, mine), SaleCancel::give_back) << "and then it waits in line";
    ASSERT_EQ(shop_.begin(take_).outcome, PayStart::started);
    EXPECT_EQ(cancel(take_, mine), SaleCancel::paying) << "asked once more meanwhile";
    shop_.finish(take_, 1, ChargeVerdict::declined);
    EXPECT_EQ(cancel(take_, mine), SaleCancel::paying);
    shop_.apply(sale_, {}, {{take_.order_id, take_.customer_id}});
    EXPECT_EQ(cancel(take_, mine), SaleCancel::cancelled);
    EXPECT_EQ(shop_.state_of(take_), OrderState::cancelled);
}

TEST_F(CancelKeyTest, IsFreeAgainIfTheRowWasNeverAsked) {
    const RequestKey mine = key();
    const auto unbind = [&] {
        shop_.run(shop_.payments.unbind_cancel(take_.customer_id, mine, TestShop::soon()));
    };
    EXPECT_EQ(cancel(take_, mine), SaleCancel::give_back);
    unbind();
    EXPECT_EQ(keys(), 0);
    shop_.pay(take_);
    EXPECT_EQ(look_again(take_, mine), SaleCancel::busy) << "its other try refunds nothing";
    EXPECT_EQ(shop_.state_of(take_), OrderState::paid);
    EXPECT_EQ(cancel(take_, mine), SaleCancel::refunded) << "who asks again wants that";
    EXPECT_EQ(look_again(take_, mine), SaleCancel::refunded);
}

TEST_F(CancelKeyTest, StaysRefusedWhateverIsFreed) {
    const RequestKey mine = key();
    ASSERT_EQ(shop_.begin(take_).outcome, PayStart::started);
    EXPECT_EQ(cancel(take_, mine), SaleCancel::paying);
    shop_.run(shop_.payments.unbind_cancel(take_.customer_id, mine, TestShop::soon()));
    shop_.finish(take_, 1, ChargeVerdict::approved);
    EXPECT_EQ(cancel(take_, mine), SaleCancel::paying);
}

TEST_F(CancelKeyTest, IsNotKeptWithoutEnd) {
    ASSERT_EQ(shop_.begin(take_).outcome, PayStart::started);
    const RequestKey first = key();
    EXPECT_EQ(cancel(take_, first), SaleCancel::paying);
    for (int asked = 1; asked < 100; ++asked) {
        ASSERT_EQ(cancel(take_, key()), SaleCancel::paying);
    }
    EXPECT_EQ(cancel(take_, key()), SaleCancel::too_many_keys);
    EXPECT_EQ(keys(), 100);
    shop_.finish(take_, 1, ChargeVerdict::approved);
    EXPECT_EQ(cancel(take_, key()), SaleCancel::too_many_keys);
    EXPECT_EQ(shop_.state_of(take_), OrderState::paid);
    EXPECT_EQ(cancel(take_, first), SaleCancel::paying);
    shop_.run(shop_.payments.refund(take_.order_id, take_.customer_id, TestShop::soon()));
    EXPECT_EQ(cancel(take_, key()), SaleCancel::refunded) << "that is final";
    EXPECT_EQ(keys(), 100);
}

TEST_F(CancelKeyTest, IsOneCustomersForOneOrder) {
    const RequestKey mine = key();
    EXPECT_EQ(cancel(take_, mine), SaleCancel::give_back);
    shop_.apply(sale_, {}, {{take_.order_id, take_.customer_id}});
    EXPECT_EQ(cancel(take_, mine), SaleCancel::cancelled);
    EXPECT_EQ(cancel(take_, {mine.key, shop_.new_id()}), SaleCancel::key_reused);
    Take stranger = take_;
    stranger.customer_id = shop_.new_id();
    EXPECT_EQ(cancel(stranger, mine), SaleCancel::not_found);
    EXPECT_EQ(keys(), 1);
}

TEST_F(CancelKeyTest, OfAnExpiredOrderIsRefused) {
    const base::Uuid sale = shop_.make_sale({.units = 5, .hold_ms = 20});
    const Take take = shop_.take();
    shop_.apply(sale, {take});
    wait_ms(30);
    shop_.apply(sale, {});
    const RequestKey mine = key();
    EXPECT_EQ(cancel(take, mine), SaleCancel::expired);
    EXPECT_EQ(cancel(take, mine), SaleCancel::expired);
    EXPECT_EQ(keys(), 0) << "the order itself says so for good";
}

class RefundTest : public PaymentStoreTest {
  protected:
    RefundOutcome refund(const Take& take) {
        return shop_.run(shop_.payments.refund(take.order_id, take.customer_id, TestShop::soon()));
    }
    std::int64_t returns() {
        return shop_.number(
            "SELECT count(*) FROM orders.work_items WHERE kind = 'return_units' AND subject_id = "
            "'" +
            take_.order_id.to_string() + "'"
        );
    }
};

TEST_F(RefundTest, IsTheOrderItsMoneyAndItsUnitsInOne) {
    shop_.pay(take_);
    EXPECT_EQ(refund(take_), RefundOutcome::refunded);
    EXPECT_EQ(shop_.state_of(take_), OrderState::refunded);
    EXPECT_EQ(attempt_state(1), 5);
    EXPECT_EQ(returns(), 1);
    EXPECT_EQ(
        shop_.text("SELECT payload::text FROM orders.work_items WHERE kind = 'return_units'"),
        "{\"lines\": [{\"quantity\": 2, \"product_id\": \"" +
            shop_.text("SELECT product_id::text FROM orders.sales") + "\"}]}"
    );
    EXPECT_EQ(refund(take_), RefundOutcome::refunded) << "repeated";
    EXPECT_EQ(returns(), 1);
    const auto due = shop_.run(shop_.payments.claim_due(10, 60'000, TestShop::soon()));
    ASSERT_EQ(due.size(), 1u);
    EXPECT_TRUE(due[0].refund);
    EXPECT_EQ(due[0].attempt.amount_cents, 2 * 1999);
    shop_.run(shop_.payments.confirm_due(due, TestShop::soon()));
    EXPECT_EQ(attempt_state(1), 6);
    EXPECT_EQ(shop_.finish(take_, 1, ChargeVerdict::approved), PayFinish::refund_due) << "late";
    EXPECT_EQ(attempt_state(1), 6);
}

TEST_F(RefundTest, NeverGivesAUnitBackToTheSaleNorToTheLimit) {
    shop_.pay(take_);
    ASSERT_EQ(refund(take_), RefundOutcome::refunded);
    EXPECT_EQ(shop_.apply(sale_, {}).remaining, 3);
    const Take again = shop_.take_of(take_.customer_id);
    EXPECT_EQ(shop_.apply(sale_, {again}).takes.at(0).outcome, TakeOutcome::limit_reached);
    const auto back = shop_.apply(sale_, {}, {{take_.order_id, take_.customer_id}});
    EXPECT_EQ(back.returns, std::vector<ReturnOutcome>{ReturnOutcome::refunded});
    EXPECT_EQ(shop_.violations(sale_), "");
}

TEST_F(RefundTest, IsForWhoPaid) {
    EXPECT_EQ(refund(take_), RefundOutcome::not_paid);
    shop_.pay(take_);
    Take stranger = take_;
    stranger.customer_id = shop_.new_id();
    EXPECT_EQ(refund(stranger), RefundOutcome::not_found);
    EXPECT_EQ(shop_.state_of(take_), OrderState::paid);
    EXPECT_EQ(returns(), 0);
}

TEST_F(RefundTest, WorksAfterTheSaleWasSettledToo) {
    shop_.pay(take_);
    shop_.run(shop_.sales.control(sale_, SaleAction::end, shop_.new_id(), TestShop::soon()));
    ASSERT_TRUE(shop_.run(shop_.sales.settle(sale_, TestShop::soon())).settled);
    EXPECT_EQ(refund(take_), RefundOutcome::refunded);
    EXPECT_EQ(shop_.standing(sale_).sold, 2) << "a refunded unit counts as sold";
    EXPECT_EQ(returns(), 1);
    EXPECT_EQ(shop_.violations(sale_), "");
}

}  // namespace
}  // namespace order
