#include "order/store/sale_store.hpp"

#include <gtest/gtest.h>

#include "order/store/test_shop.hpp"
#include "testing/temporary_postgres.hpp"

namespace order {
namespace {

class SaleStoreTest : public ::testing::Test {
  protected:
    using Outcomes = std::vector<TakeOutcome>;

    static Outcomes outcomes_of(const BatchResult& result) {
        Outcomes outcomes;
        for (const TakeResult& take : result.takes) outcomes.push_back(take.outcome);
        return outcomes;
    }

    void expect_true(const base::Uuid& sale) { EXPECT_EQ(shop_.violations(sale), ""); }

    void wait_ms(std::int64_t time_ms) {
        shop_.number("SELECT 1 FROM pg_sleep(" + std::to_string(time_ms) + " / 1000.0)");
    }

    TestShop shop_{::testing::make_database("order_store")};
};

TEST_F(SaleStoreTest, GivesUnitsInArrivalOrder) {
    const auto sale = shop_.make_sale({.units = 3});
    const std::vector<Take> takes{shop_.take(2), shop_.take(2), shop_.take(1), shop_.take(1)};
    const auto result = shop_.apply(sale, takes);
    EXPECT_EQ(result.status, BatchResult::Status::applied);
    EXPECT_EQ(
        outcomes_of(result),
        (Outcomes{
            TakeOutcome::bought,
            TakeOutcome::not_enough,
            TakeOutcome::bought,
            TakeOutcome::none_left_now
        })
    ) << "a sum or a prefix sum would have served one";
    EXPECT_TRUE(result.wrote);
    EXPECT_EQ(result.seq, 2) << "opening was 1";
    EXPECT_EQ(result.remaining, 0);
    EXPECT_EQ(result.takes[1].remaining, 1);
    EXPECT_EQ(result.takes[2].remaining, 1);
    EXPECT_EQ(result.takes[3].remaining, 0);
    EXPECT_FALSE(result.sold_out) << "a hold may come back";
    EXPECT_EQ(result.expires_at_us, result.at_us + 60'000'000);
    EXPECT_EQ(result.next_expiry_us, result.expires_at_us);

    const auto order =
        shop_.run(shop_.orders.find(takes[2].order_id, takes[2].customer_id, TestShop::soon()));
    ASSERT_TRUE(order.has_value());
    EXPECT_EQ(order->seq, 2);
    EXPECT_EQ(order->pos, 3);
    EXPECT_EQ(order->unit_price_cents, 1999);
    EXPECT_EQ(order->sale_id, sale);
    expect_true(sale);
}

TEST_F(SaleStoreTest, RefusesOnlyWithoutWriting) {
    const auto sale = shop_.make_sale({.units = 1});
    shop_.apply(sale, {shop_.take()});
    const auto result = shop_.apply(sale, {shop_.take()});
    EXPECT_EQ(outcomes_of(result), Outcomes{TakeOutcome::none_left_now});
    EXPECT_FALSE(result.wrote);
    EXPECT_EQ(result.seq, 2);
    EXPECT_EQ(shop_.standing(sale).seq, 2);
}

TEST_F(SaleStoreTest, AnswersAKnownKeyBeforeAnythingElse) {
    const auto sale = shop_.make_sale({.units = 1});
    const Take take = shop_.take();
    shop_.apply(sale, {take});
    Take again = take;
    again.order_id = shop_.new_id();
    again.deadline_us = 1;
    Take other = take;
    other.fingerprint = shop_.new_id();
    const auto paused =
        shop_.run(shop_.sales.control(sale, SaleAction::pause, shop_.new_id(), TestShop::soon()));
    ASSERT_TRUE(paused.has_value());
    const auto result = shop_.apply(sale, {again, other, shop_.take()});
    EXPECT_EQ(
        outcomes_of(result),
        (Outcomes{TakeOutcome::known, TakeOutcome::key_reused, TakeOutcome::paused})
    );
    EXPECT_EQ(result.takes[0].order_id, take.order_id);
    EXPECT_TRUE(result.takes[1].order_id.is_nil());
    expect_true(sale);
}

TEST_F(SaleStoreTest, DefersTheSecondTakeOfACustomer) {
    const auto sale = shop_.make_sale({.units = 5});
    const Take first = shop_.take();
    const Take second = shop_.take_of(first.customer_id);
    const auto result = shop_.apply(sale, {first, second});
    EXPECT_EQ(outcomes_of(result), (Outcomes{TakeOutcome::bought, TakeOutcome::deferred}));
    const auto next = shop_.apply(sale, {second, first});
    EXPECT_EQ(outcomes_of(next), (Outcomes{TakeOutcome::bought, TakeOutcome::known}));
    expect_true(sale);
}

TEST_F(SaleStoreTest, LimitsUnitsAndHolds) {
    const auto sale =
        shop_.make_sale({.units = 50, .units_per_customer = 2, .holds_per_customer = 3});
    const auto customer = shop_.new_id();
    EXPECT_EQ(
        outcomes_of(shop_.apply(sale, {shop_.take_of(customer, 3)})),
        Outcomes{TakeOutcome::limit_reached}
    );
    for (int hold = 0; hold < 3; ++hold) {
        const Take take = shop_.take_of(customer, 2);
        EXPECT_EQ(outcomes_of(shop_.apply(sale, {take})), Outcomes{TakeOutcome::bought});
        EXPECT_EQ(
            outcomes_of(shop_.apply(sale, {shop_.take_of(customer)})),
            Outcomes{TakeOutcome::limit_reached}
        );
        const auto back = shop_.apply(sale, {}, {{take.order_id, customer}});
        EXPECT_EQ(back.returns, std::vector<ReturnOutcome>{ReturnOutcome::cancelled});
    }
    EXPECT_EQ(
        outcomes_of(shop_.apply(sale, {shop_.take_of(customer)})),
        Outcomes{TakeOutcome::limit_reached}
    ) << "a fourth hold";
    EXPECT_EQ(shop_.standing(sale).remaining, 50);
    expect_true(sale);
}

TEST_F(SaleStoreTest, RefusesLateTakes) {
    const auto sale = shop_.make_sale({.units = 5});
    Take late = shop_.take();
    late.deadline_us = shop_.number("SELECT (extract(epoch FROM now()) * 1000000)::bigint - 1");
    EXPECT_EQ(outcomes_of(shop_.apply(sale, {late})), Outcomes{TakeOutcome::late});
    EXPECT_EQ(shop_.standing(sale).remaining, 5);
}

TEST_F(SaleStoreTest, KeepsToItsWindow) {
    const auto early = shop_.make_sale({.starts_in_ms = 60'000});
    EXPECT_EQ(outcomes_of(shop_.apply(early, {shop_.take()})), Outcomes{TakeOutcome::not_started});

    const auto over = shop_.make_sale({.ends_in_ms = -1'000});
    const auto result = shop_.apply(over, {shop_.take()});
    EXPECT_EQ(outcomes_of(result), Outcomes{TakeOutcome::sale_over});
    EXPECT_TRUE(result.wrote) << "the end is a fact of its own";
    EXPECT_EQ(result.state, SaleState::draining);
    expect_true(over);
}

TEST_F(SaleStoreTest, ReturnsAUnitOnce) {
    const auto sale = shop_.make_sale({.units = 3});
    const Take take = shop_.take(2);
    const Take paid = shop_.take(1);
    shop_.apply(sale, {take, paid});
    shop_.pay(paid);
    const Return back{take.order_id, take.customer_id};
    const auto result = shop_.apply(
        sale,
        {shop_.take(2)},
        {back,
         back,
         {take.order_id, paid.customer_id},
         {paid.order_id, paid.customer_id},
         {shop_.new_id(), take.customer_id}}
    );
    EXPECT_EQ(
        result.returns,
        (std::vector<ReturnOutcome>{
            ReturnOutcome::cancelled,
            ReturnOutcome::cancelled,
            ReturnOutcome::not_found,
            ReturnOutcome::paid,
            ReturnOutcome::not_found
        })
    );
    EXPECT_EQ(outcomes_of(result), Outcomes{TakeOutcome::bought}) << "returns come first";
    const auto again = shop_.apply(sale, {}, {back});
    EXPECT_EQ(again.returns, std::vector<ReturnOutcome>{ReturnOutcome::already_cancelled});
    EXPECT_FALSE(again.wrote);
    expect_true(sale);
}

TEST_F(SaleStoreTest, BringsDueHoldsBack) {
    const auto sale = shop_.make_sale({.units = 2, .hold_ms = 50});
    const Take first = shop_.take();
    const Take second = shop_.take();
    shop_.apply(sale, {first});
    shop_.apply(sale, {second});
    wait_ms(60);
    EXPECT_EQ(shop_.begin(first).outcome, PayStart::expired) << "before anybody reclaimed it";
    const auto result = shop_.apply(sale, {shop_.take(2)});
    EXPECT_EQ(outcomes_of(result), Outcomes{TakeOutcome::bought});
    EXPECT_EQ(shop_.state_of(first), OrderState::expired);
    EXPECT_EQ(shop_.state_of(second), OrderState::expired);
    expect_true(sale);
}

TEST_F(SaleStoreTest, LetsAPaymentOutliveItsHold) {
    const auto sale = shop_.make_sale({.units = 2, .hold_ms = 1500});
    const Take paid = shop_.take();
    const Take declined = shop_.take();
    shop_.apply(sale, {paid, declined});
    const auto begun = shop_.begin(paid);
    const auto refused = shop_.begin(declined);
    ASSERT_EQ(begun.outcome, PayStart::started);
    EXPECT_EQ(begun.attempt.n, 1);
    EXPECT_EQ(begun.attempt.amount_cents, 1999);
    wait_ms(1510);
    const auto result = shop_.apply(sale, {shop_.take()});
    EXPECT_EQ(outcomes_of(result), Outcomes{TakeOutcome::none_left_now});
    ASSERT_TRUE(result.next_expiry_us.has_value());
    EXPECT_LT(*result.next_expiry_us, result.at_us + 1'000'000) << "a payment may fail any moment";

    EXPECT_EQ(shop_.finish(paid, 1, ChargeVerdict::approved), PayFinish::paid);
    EXPECT_EQ(
        shop_.finish(declined, refused.attempt.n, ChargeVerdict::declined), PayFinish::declined
    );
    const auto after = shop_.apply(sale, {shop_.take(), shop_.take()});
    EXPECT_EQ(outcomes_of(after), (Outcomes{TakeOutcome::bought, TakeOutcome::none_left_now}))
        << "the declined one was found although its batch had been looked at";
    EXPECT_EQ(shop_.state_of(declined), OrderState::expired);
    EXPECT_EQ(shop_.state_of(paid), OrderState::paid);
    EXPECT_EQ(shop_.number("SELECT count(*) FROM orders.late_holds"), 0);
    expect_true(sale);
}

TEST_F(SaleStoreTest, SaysSoldOutOnlyWhenNothingCanComeBack) {
    const auto sale = shop_.make_sale({.units = 2});
    const Take first = shop_.take();
    const Take second = shop_.take();
    shop_.apply(sale, {first});
    shop_.apply(sale, {second});
    shop_.pay(first);
    const auto open = shop_.apply(sale, {shop_.take()});
    EXPECT_EQ(outcomes_of(open), Outcomes{TakeOutcome::none_left_now});
    shop_.pay(second);
    const Take refused = shop_.take();
    const auto closed = shop_.apply(sale, {refused, first});
    EXPECT_EQ(outcomes_of(closed), (Outcomes{TakeOutcome::sold_out, TakeOutcome::known}));
    EXPECT_TRUE(closed.wrote);
    EXPECT_TRUE(closed.sold_out);
    EXPECT_FALSE(closed.next_expiry_us.has_value());

    const auto ended =
        shop_.run(shop_.sales.control(sale, SaleAction::end, shop_.new_id(), TestShop::soon()));
    ASSERT_TRUE(ended.has_value());
    EXPECT_EQ(outcomes_of(shop_.apply(sale, {refused})), Outcomes{TakeOutcome::sold_out})
        << "the same key keeps its definite answer after the end";
    expect_true(sale);
}

TEST_F(SaleStoreTest, FencesOffAFormerHolder) {
    const auto sale = shop_.make_sale({.units = 5});
    const auto connection = shop_.run(shop_.room().acquire(TestShop::soon()));
    const auto raised = shop_.run(shop_.sales.raise_fence(*connection, sale, TestShop::soon()));
    ASSERT_TRUE(raised.has_value());
    EXPECT_EQ(raised->fence, 1);
    EXPECT_EQ(raised->remaining, 5);
    const auto old = shop_.apply(sale, {shop_.take()}, {}, 0);
    EXPECT_EQ(old.status, BatchResult::Status::fenced);
    EXPECT_EQ(old.fence, 1);
    EXPECT_EQ(shop_.apply(sale, {shop_.take()}, {}, 1).status, BatchResult::Status::applied);
    EXPECT_EQ(shop_.apply(shop_.new_id(), {}).status, BatchResult::Status::no_such_sale);
    expect_true(sale);
}

TEST_F(SaleStoreTest, PeeksWithoutWriting) {
    const auto sale = shop_.make_sale({.units = 5});
    const Take take = shop_.take();
    shop_.apply(sale, {take});
    const auto peek = shop_.run(shop_.sales.peek(
        sale, {{shop_.new_id(), take.key}, {take.customer_id, take.key}}, TestShop::soon()
    ));
    ASSERT_TRUE(peek.has_value());
    EXPECT_EQ(peek->standing.remaining, 4);
    EXPECT_EQ(peek->standing.seq, 2);
    ASSERT_EQ(peek->known.size(), 2u);
    EXPECT_FALSE(peek->known[0].has_value());
    ASSERT_TRUE(peek->known[1].has_value());
    EXPECT_EQ(peek->known[1]->order_id, take.order_id);
    EXPECT_EQ(peek->known[1]->fingerprint, take.fingerprint);
    const auto none = shop_.run(shop_.sales.read(shop_.new_id(), TestShop::soon()));
    EXPECT_FALSE(none.has_value());
}

TEST_F(SaleStoreTest, IsCreatedOncePerKey) {
    SaleStore::NewSale sale;
    sale.terms.id = shop_.new_id();
    sale.terms.product_id = shop_.new_id();
    sale.terms.name = "lamp";
    sale.terms.currency = "EUR";
    sale.terms.allotted = 7;
    sale.terms.hold_ms = 1000;
    sale.terms.starts_at_ms = base::unix_now_ms();
    sale.terms.ends_at_ms = sale.terms.starts_at_ms + 1000;
    sale.created_by = shop_.new_id();
    sale.created_key = shop_.new_id();
    sale.fingerprint = shop_.new_id();
    const auto first = shop_.run(shop_.sales.create(sale, TestShop::soon()));
    ASSERT_TRUE(first.has_value());
    EXPECT_FALSE(first->repeated);
    EXPECT_EQ(first->sale.standing.state, SaleState::preparing);
    const auto original = sale.terms.id;
    sale.terms.id = shop_.new_id();
    const auto second = shop_.run(shop_.sales.create(sale, TestShop::soon()));
    ASSERT_TRUE(second.has_value());
    EXPECT_TRUE(second->repeated);
    EXPECT_EQ(second->sale.terms.id, original);
    sale.fingerprint = shop_.new_id();
    const auto third = shop_.run(shop_.sales.create(sale, TestShop::soon()));
    EXPECT_FALSE(third.has_value());

    EXPECT_EQ(
        outcomes_of(shop_.apply(original, {shop_.take()})), Outcomes{TakeOutcome::not_started}
    );
    const auto due = shop_.run(shop_.sales.due(0, TestShop::soon()));
    ASSERT_EQ(due.preparing.size(), 1u);
    EXPECT_EQ(due.preparing[0].terms.id, original);
    shop_.run(shop_.sales.refuse(original, "not enough stock", TestShop::soon()));
    const auto refused = shop_.run(shop_.sales.find(original, TestShop::soon()));
    ASSERT_TRUE(refused.has_value());
    EXPECT_EQ(refused->standing.state, SaleState::refused);
    EXPECT_EQ(refused->standing.refusal, "not enough stock");
    EXPECT_EQ(refused->standing.remaining, 0);
    EXPECT_EQ(refused->standing.released, 7);
}

TEST_F(SaleStoreTest, IsControlledIdempotently) {
    const auto sale = shop_.make_sale({});
    const auto actor = shop_.new_id();
    const auto control = [&](SaleAction action, const base::Uuid& by) {
        return shop_.run(shop_.sales.control(sale, action, by, TestShop::soon()));
    };
    EXPECT_EQ(control(SaleAction::pause, actor)->seq, 2);
    EXPECT_EQ(control(SaleAction::pause, actor)->seq, 2);
    EXPECT_EQ(control(SaleAction::resume, actor)->state, SaleState::open);
    EXPECT_EQ(control(SaleAction::end, base::Uuid{})->state, SaleState::open)
        << "without an actor only time ends a sale";
    EXPECT_EQ(control(SaleAction::end, actor)->state, SaleState::draining);
    EXPECT_EQ(control(SaleAction::end, actor)->seq, 4);
    EXPECT_EQ(control(SaleAction::pause, actor).error(), SaleStore::ControlRefusal::not_open);
    const auto settled = shop_.run(shop_.sales.settle(sale, TestShop::soon()));
    EXPECT_TRUE(settled.settled);
    EXPECT_EQ(control(SaleAction::end, actor).error(), SaleStore::ControlRefusal::settled);
    expect_true(sale);
}

TEST_F(SaleStoreTest, SettlesWhenNothingIsOpen) {
    const auto sale = shop_.make_sale({.units = 10});
    const Take paid = shop_.take(2);
    const Take held = shop_.take(1);
    shop_.apply(sale, {paid, held});
    shop_.pay(paid);
    EXPECT_FALSE(shop_.run(shop_.sales.settle(sale, TestShop::soon())).settled) << "still open";
    const auto ended =
        shop_.run(shop_.sales.control(sale, SaleAction::end, shop_.new_id(), TestShop::soon()));
    ASSERT_TRUE(ended.has_value());
    const auto early = shop_.run(shop_.sales.settle(sale, TestShop::soon()));
    EXPECT_FALSE(early.settled);
    EXPECT_EQ(early.still_open, 1);
    const auto back = shop_.apply(sale, {}, {{held.order_id, held.customer_id}});
    EXPECT_EQ(back.returns, std::vector<ReturnOutcome>{ReturnOutcome::cancelled});
    const auto settled = shop_.run(shop_.sales.settle(sale, TestShop::soon()));
    EXPECT_TRUE(settled.settled);
    const auto standing = shop_.standing(sale);
    EXPECT_EQ(standing.sold, 2);
    EXPECT_EQ(standing.released, 8);
    EXPECT_EQ(standing.remaining, 0);
    expect_true(sale);

    const auto items = shop_.run(shop_.work_items.claim_settlements(10, 60'000, TestShop::soon()));
    ASSERT_EQ(items.size(), 1u);
    EXPECT_EQ(items[0].sale_id, sale);
    EXPECT_EQ(items[0].sold, 2);
    const auto others = shop_.run(shop_.work_items.claim_settlements(10, 60'000, TestShop::soon()));
    EXPECT_TRUE(others.empty());
    shop_.run(shop_.work_items.finish(items[0].id, TestShop::soon()));
    EXPECT_EQ(shop_.number("SELECT count(*) FROM orders.work_items WHERE done_at IS NULL"), 0);
}

TEST_F(SaleStoreTest, ListsForReaders) {
    const auto older = shop_.make_sale({.units = 10});
    const auto newer = shop_.make_sale({.units = 10});
    const auto all = shop_.run(shop_.sales.list(std::nullopt, 10, TestShop::soon()));
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].terms.id, newer);
    const auto rest = shop_.run(shop_.sales.list(newer, 10, TestShop::soon()));
    ASSERT_EQ(rest.size(), 1u);
    EXPECT_EQ(rest[0].terms.id, older);

    const Take first = shop_.take();
    const Take second = shop_.take_of(first.customer_id);
    shop_.apply(older, {first});
    shop_.apply(newer, {second});
    const auto mine = shop_.run(shop_.orders.list(first.customer_id, {}, {}, 10, TestShop::soon()));
    ASSERT_EQ(mine.size(), 2u);
    EXPECT_EQ(mine[0].id, second.order_id);
    const auto next =
        shop_.run(shop_.orders.list(first.customer_id, second.order_id, {}, 10, TestShop::soon()));
    ASSERT_EQ(next.size(), 1u);
    EXPECT_EQ(next[0].id, first.order_id);
    const auto others =
        shop_.run(shop_.orders.find(first.order_id, shop_.new_id(), TestShop::soon()));
    EXPECT_FALSE(others.has_value());
    const auto both = shop_.run(
        shop_.orders.find_all({second.order_id, shop_.new_id(), first.order_id}, TestShop::soon())
    );
    ASSERT_EQ(both.size(), 2u);
    EXPECT_EQ(both[0].id, second.order_id);
}

TEST_F(SaleStoreTest, TellsWorkersWhatIsDue) {
    const auto over = shop_.make_sale({.ends_in_ms = -10});
    const auto held = shop_.make_sale({.units = 5, .hold_ms = 20});
    shop_.apply(held, {shop_.take()});
    wait_ms(30);
    auto due = shop_.run(shop_.sales.due(0, TestShop::soon()));
    EXPECT_EQ(due.over, std::vector<base::Uuid>{over});
    EXPECT_EQ(due.reclaimable, std::vector<base::Uuid>{held});
    EXPECT_TRUE(due.draining.empty());
    const auto empty = shop_.apply(held, {});
    EXPECT_TRUE(empty.wrote);
    EXPECT_EQ(empty.remaining, 5);
    shop_.apply(over, {});
    due = shop_.run(shop_.sales.due(0, TestShop::soon()));
    EXPECT_TRUE(due.over.empty());
    EXPECT_TRUE(due.reclaimable.empty());
    EXPECT_EQ(due.draining, std::vector<base::Uuid>{over});
}

TEST_F(SaleStoreTest, EndsWhoBlocksTheRow) {
    const auto sale = shop_.make_sale({.units = 5});
    const auto blocker = shop_.run(shop_.room().acquire(TestShop::soon()));
    shop_.run(blocker->run("BEGIN", TestShop::soon()));
    const auto result = shop_.run(
        shop_.sales.apply(*blocker, sale, 0, BatchMode::lease, {shop_.take()}, {}, TestShop::soon())
    );
    EXPECT_EQ(outcomes_of(result), Outcomes{TakeOutcome::bought});
    const auto connection = shop_.run(shop_.room().acquire(TestShop::soon()));
    try {
        shop_.run(shop_.sales.raise_fence(*connection, sale, TestShop::soon()));
        FAIL() << "the row is locked";
    } catch (const postgres::Error& error) {
        EXPECT_EQ(error.sqlstate(), "55P03");
    }
    EXPECT_EQ(shop_.run(shop_.sales.end_blockers(sale, TestShop::soon())), 1);
    const auto raised = shop_.run(shop_.sales.raise_fence(*connection, sale, TestShop::soon()));
    ASSERT_TRUE(raised.has_value());
    EXPECT_EQ(raised->remaining, 5) << "what the blocker had done was rolled back";
}

TEST_F(SaleStoreTest, LeavesTheRowToItsFunctions) {
    shop_.make_sale({});
    const auto connection = shop_.run(shop_.room().acquire(TestShop::soon()));
    EXPECT_THROW(
        shop_.run(connection->run("UPDATE orders.sale_units SET remaining = 99", TestShop::soon())),
        postgres::Error
    );
}

}  // namespace
}  // namespace order
