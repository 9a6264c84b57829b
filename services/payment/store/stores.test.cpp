#include <gtest/gtest.h>

#include "payment/store/test_sandbox.test.hpp"
#include "postgres/error.hpp"

namespace payment {
namespace {

class LedgerTest : public ::testing::Test {
  protected:
    std::vector<Event> claim(std::int64_t claim_ms = 60'000) {
        return sandbox_.run(outbox_.claim(10, claim_ms, TestSandbox::soon()));
    }
    void close(const Event& event, Verdict verdict) {
        const std::vector<WebhookOutbox::Outcome> outcomes{{event.id, verdict}};
        sandbox_.run(outbox_.close(outcomes, TestSandbox::soon()));
    }
    std::int64_t settle() { return sandbox_.run(ledger_.settle_due(10, TestSandbox::soon())); }
    Charge void_charge(const std::string& key) {
        return sandbox_.run(ledger_.void_charge(key, TestSandbox::soon()));
    }
    std::optional<Charge> refund(const std::string& key) {
        return sandbox_.run(ledger_.refund(key, TestSandbox::soon()));
    }

    TestSandbox sandbox_;
    ChargeLedger ledger_{*sandbox_.room};
    WebhookOutbox outbox_{*sandbox_.room};
};

TEST_F(LedgerTest, TheFirstEntryOfAKeyDecides) {
    const auto first = sandbox_.enter(sandbox_.charge("a:1", "sandbox:approve"));
    EXPECT_TRUE(first.by_this_request);
    EXPECT_EQ(first.charge.state, ChargeState::charged);
    EXPECT_EQ(first.charge.amount_cents, 4900);
    EXPECT_EQ(first.charge.method, "sandbox:approve");
    const auto again = sandbox_.enter(sandbox_.charge("a:1", "sandbox:decline", 1));
    EXPECT_FALSE(again.by_this_request);
    EXPECT_EQ(again.charge.state, ChargeState::charged);
    EXPECT_EQ(again.charge.amount_cents, 4900) << "what is there is answered";
}

TEST_F(LedgerTest, AnswersEachOfABatchInItsPlaceAlsoTheSameKeyTwice) {
    sandbox_.enter(sandbox_.charge("c:1", "sandbox:decline"));
    const std::vector<ChargeLedger::NewCharge> charges{
        sandbox_.charge("z:1", "sandbox:approve"),
        sandbox_.charge("b:1", "sandbox:decline", 1),
        sandbox_.charge("z:1", "sandbox:decline", 2),
        sandbox_.charge("c:1", "sandbox:approve")
    };
    const auto entered = sandbox_.run(ledger_.charge(charges, TestSandbox::soon()));
    ASSERT_EQ(entered.size(), 4u);
    EXPECT_EQ(entered[0].charge.state, ChargeState::charged);
    EXPECT_TRUE(entered[0].by_this_request);
    EXPECT_EQ(entered[1].charge.state, ChargeState::declined);
    EXPECT_EQ(entered[2].charge.state, ChargeState::charged) << "the first of the batch decided";
    EXPECT_FALSE(entered[2].by_this_request);
    EXPECT_EQ(entered[3].charge.state, ChargeState::declined);
    EXPECT_FALSE(entered[3].by_this_request);
    EXPECT_EQ(sandbox_.number("SELECT count(*) FROM sandbox.charges"), 3);
}

TEST_F(LedgerTest, AVoidBlocksAChargeThatComesLater) {
    EXPECT_EQ(void_charge("a:1").state, ChargeState::voided);
    EXPECT_EQ(void_charge("a:1").state, ChargeState::voided) << "repeated";
    const auto late = sandbox_.enter(sandbox_.charge("a:1", "sandbox:duplicate"));
    EXPECT_FALSE(late.by_this_request);
    EXPECT_EQ(late.charge.state, ChargeState::voided);
    EXPECT_FALSE(late.charge.amount_cents);
    EXPECT_TRUE(claim().empty()) << "and tells nobody of one";
    EXPECT_EQ(refund("a:1")->state, ChargeState::voided);
}

TEST_F(LedgerTest, AVoidOfAPendingChargeIsTheEndOfIt) {
    sandbox_.enter(sandbox_.charge("a:1", "sandbox:slow"));
    EXPECT_EQ(refund("a:1")->state, ChargeState::pending) << "only what is charged";
    EXPECT_EQ(void_charge("a:1").state, ChargeState::voided);
    sandbox_.wait_ms(40);
    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(sandbox_.state_of("a:1"), ChargeState::voided);
    EXPECT_TRUE(claim().empty());
    EXPECT_EQ(
        sandbox_.number("SELECT count(*) FROM sandbox.webhooks WHERE abandoned_at IS NULL"), 0
    );
}

TEST_F(LedgerTest, WhatIsChargedIsRefundedNotVoided) {
    sandbox_.enter(sandbox_.charge("a:1", "sandbox:approve"));
    EXPECT_EQ(void_charge("a:1").state, ChargeState::charged) << "too late for a void";
    EXPECT_EQ(refund("a:1")->state, ChargeState::refunded);
    EXPECT_EQ(refund("a:1")->state, ChargeState::refunded) << "repeated";
    EXPECT_EQ(void_charge("a:1").state, ChargeState::refunded);
    EXPECT_EQ(
        sandbox_.enter(sandbox_.charge("a:1", "sandbox:approve")).charge.state,
        ChargeState::refunded
    );
}

TEST_F(LedgerTest, NothingDeclinedOrUnknownIsRefunded) {
    sandbox_.enter(sandbox_.charge("a:1", "sandbox:decline"));
    EXPECT_EQ(refund("a:1")->state, ChargeState::declined);
    EXPECT_FALSE(refund("b:1"));
    EXPECT_EQ(sandbox_.number("SELECT count(*) FROM sandbox.charges"), 1) << "nothing was entered";
}

TEST_F(LedgerTest, DecidesASlowChargeAndTellsOfItOnlyThen) {
    const auto entered = sandbox_.enter(sandbox_.charge("a:1", "sandbox:slow"));
    EXPECT_EQ(entered.charge.state, ChargeState::pending);
    EXPECT_EQ(settle(), 0) << "its time has not come";
    EXPECT_TRUE(claim().empty());
    sandbox_.wait_ms(40);
    EXPECT_TRUE(claim().empty()) << "no verdict, no event";
    EXPECT_EQ(settle(), 1);
    EXPECT_EQ(sandbox_.state_of("a:1"), ChargeState::charged);
    const auto events = claim();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].key, "a:1");
    EXPECT_EQ(events[0].state, "charged");
    EXPECT_EQ(events[0].amount_cents, 4900);
    EXPECT_EQ(events[0].currency, "EUR");
    EXPECT_EQ(events[0].attempts, 1);
}

TEST_F(LedgerTest, AnEventBelongsToOnePodForAWhile) {
    sandbox_.enter(sandbox_.charge("a:1", "sandbox:webhook-first"));
    ASSERT_EQ(claim(50).size(), 1u);
    EXPECT_TRUE(claim().empty());
    sandbox_.wait_ms(60);
    const auto again = claim();
    ASSERT_EQ(again.size(), 1u) << "the pod that had it died";
    EXPECT_EQ(again[0].attempts, 2);
}

TEST_F(LedgerTest, AnEventIsSentAgainUntilItWasTakenOrIsGivenUp) {
    sandbox_.enter(sandbox_.charge("a:1", "sandbox:webhook-first"));
    auto events = claim();
    close(events.at(0), {Verdict::Kind::again, 0});
    events = claim();
    ASSERT_EQ(events.size(), 1u);
    close(events[0], {Verdict::Kind::taken, 0});
    EXPECT_TRUE(claim().empty());
    close(events[0], {Verdict::Kind::again, 0});
    EXPECT_TRUE(claim().empty()) << "what was taken stays so";

    sandbox_.enter(sandbox_.charge("b:1", "sandbox:webhook-first"));
    events = claim();
    close(events.at(0), {Verdict::Kind::given_up, 0});
    EXPECT_TRUE(claim().empty());
}

TEST_F(LedgerTest, ADuplicateIsOneEventTakenTwice) {
    sandbox_.enter(sandbox_.charge("a:1", "sandbox:duplicate"));
    const auto first = claim().at(0);
    close(first, {Verdict::Kind::taken, 0});
    const auto second = claim().at(0);
    EXPECT_EQ(first.id, second.id);
    close(second, {Verdict::Kind::taken, 0});
    EXPECT_TRUE(claim().empty());
}

TEST_F(LedgerTest, AWebhookMayBeDueLater) {
    sandbox_.enter(sandbox_.charge("a:1", "sandbox:silent"));
    EXPECT_EQ(sandbox_.state_of("a:1"), ChargeState::charged);
    EXPECT_TRUE(claim().empty());
    sandbox_.wait_ms(70);
    EXPECT_EQ(claim().size(), 1u);
}

TEST_F(LedgerTest, KeepsClosedEventsForATime) {
    const auto prune = [&](int limit) {
        return sandbox_.run(outbox_.prune(limit, 60'000, TestSandbox::soon()));
    };
    for (const auto* key : {"a:1", "b:1", "c:1"}) {
        sandbox_.enter(sandbox_.charge(key, "sandbox:webhook-first"));
        close(
            claim().at(0),
            {std::string(key) == "b:1" ? Verdict::Kind::given_up : Verdict::Kind::taken, 0}
        );
    }
    sandbox_.enter(sandbox_.charge("d:1", "sandbox:webhook-first"));
    EXPECT_EQ(prune(9), 0);
    sandbox_.execute(
        "UPDATE sandbox.webhooks SET created_at = now() - interval '1 year',"
        " delivered_at = delivered_at - interval '61 s',"
        " abandoned_at = abandoned_at - interval '61 s'"
    );
    EXPECT_EQ(prune(2), 2);
    EXPECT_EQ(prune(2), 1);
    EXPECT_EQ(claim().size(), 1u) << "what is still to be told stays, however old";
    EXPECT_EQ(sandbox_.state_of("a:1"), ChargeState::charged) << "and so does the ledger";
}

TEST_F(LedgerTest, TheRoomChangesTheBookOnlyByItsFunctions) {
    static constexpr postgres::Statement forge{
        "forge", "UPDATE sandbox.charges SET state = 'charged'"
    };
    const postgres::Parameters none;
    EXPECT_THROW(
        sandbox_.run(sandbox_.room->query(forge, none, TestSandbox::soon())), postgres::Error
    );
}

TEST_F(LedgerTest, RowsThatOrderWroteAreUnderstood) {
    sandbox_.execute("INSERT INTO sandbox.charges VALUES ('old:1', 5, 'EUR', 'charged')");
    const auto known = sandbox_.enter(sandbox_.charge("old:1", "sandbox:approve", 5));
    EXPECT_FALSE(known.by_this_request);
    EXPECT_FALSE(known.charge.method);
    EXPECT_TRUE(is_same_request(known.charge, {"old:1", 5, "EUR", "sandbox:approve"}));
    EXPECT_EQ(refund("old:1")->state, ChargeState::refunded);
}

}  // namespace
}  // namespace payment
