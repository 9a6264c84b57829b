#include "order/store/ordinary_order_store.hpp"

#include <utility>

#include <gtest/gtest.h>

#include "order/store/test_shop.hpp"
#include "testing/temporary_postgres.hpp"

namespace order {
namespace {

constexpr OrdinaryOrderStore::PlaceLimits place_limits{
    .open_orders_max = 2, .placing_ms = 60'000, .drive_ms = 2000
};
constexpr std::int64_t paying_ms = 60'000;
constexpr std::int64_t drive_ms = 2000;

class OrdinaryOrderStoreTest : public ::testing::Test {
  protected:
    Placement place(const OrdinaryOrderStore::NewOrder& order) {
        return shop_.run(shop_.ordinary_orders.place(order, place_limits, TestShop::soon()));
    }
    bool reserve(const Placement& placed, std::int64_t hold_ms = 60'000) {
        StockHold hold;
        for (const WantedLine& line : order_.lines) {
            hold.lines.push_back({line.product_id, line.quantity, "lamp", 250, "EUR"});
        }
        hold.expires_at_ms = base::unix_now_ms() + hold_ms;
        return shop_.run(shop_.ordinary_orders.reserved(
            placed.order_id, placed.attempt, hold, "EUR", TestShop::soon()
        ));
    }
    bool refuse(const Placement& placed) {
        const RefusedOrder why{OrderRefusal::not_enough_stock, order_.lines[0].product_id, 1};
        return shop_.run(shop_.ordinary_orders.refused(
            placed.order_id, placed.attempt, why, false, TestShop::soon()
        ));
    }
    OrdinaryOrderStore::PayStarted begin(std::int64_t time_ms = paying_ms) {
        return shop_.run(shop_.ordinary_orders.begin_payment(
            order_.id, order_.customer_id, {}, time_ms, TestShop::soon()
        ));
    }
    OrdinaryOrderStore::PayStarted begin_under(RequestKey key) {
        return shop_.run(shop_.ordinary_orders.begin_payment(
            order_.id, order_.customer_id, key, paying_ms, TestShop::soon()
        ));
    }
    RequestKey key() { return {shop_.new_id(), shop_.new_id()}; }
    OrdinaryPayFinish finish(std::int32_t n, ChargeVerdict verdict) {
        return shop_.run(
            shop_.ordinary_orders.finish_payment(order_.id, n, verdict, drive_ms, TestShop::soon())
        );
    }
    OrderState settled(bool accepted) {
        return shop_.run(shop_.ordinary_orders.settled(order_.id, accepted, TestShop::soon()));
    }
    OrdinaryCancel cancel(std::optional<RequestKey> key = {}) {
        return shop_.run(
            shop_.ordinary_orders.cancel(order_.id, order_.customer_id, key, TestShop::soon())
        );
    }
    std::int64_t sweep() { return shop_.run(shop_.ordinary_orders.sweep(10, TestShop::soon())); }
    OrdinaryOrder found() {
        return shop_.run(shop_.ordinary_orders.find(order_.id, TestShop::soon())).value();
    }
    void pay() {
        ASSERT_EQ(begin().outcome, OrdinaryPayStart::started);
        ASSERT_EQ(finish(1, ChargeVerdict::approved), OrdinaryPayFinish::approved);
        ASSERT_EQ(settled(true), OrderState::paid);
    }
    OrdinaryOrderStore::NewOrder another() {
        OrdinaryOrderStore::NewOrder order = order_;
        order.id = shop_.new_id();
        order.key = shop_.new_id();
        return order;
    }
    std::vector<WorkStore::UnitsItem> work() {
        return shop_.run(shop_.work_items.claim_units(10, 60'000, TestShop::soon()));
    }
    std::string history() {
        std::string text;
        for (const OrderEvent& event : shop_.run(shop_.history.find(order_.id, TestShop::soon()))) {
            text += event.kind + ' ';
        }
        return text;
    }
    std::int64_t attempt_state(int n) {
        return shop_.number(
            "SELECT state FROM orders.payment_attempts WHERE n = " + std::to_string(n) +
            " AND order_id = '" + order_.id.to_string() + "'"
        );
    }

    TestShop shop_{::testing::make_database("ordinary_order")};
    OrdinaryOrderStore::NewOrder order_{
        .id = shop_.new_id(),
        .customer_id = shop_.new_id(),
        .key = shop_.new_id(),
        .fingerprint = shop_.new_id(),
        .lines = {{shop_.new_id(), 2}, {shop_.new_id(), 3}}
    };
};

TEST_F(OrdinaryOrderStoreTest, PlacesOnceAndFreezesPrices) {
    const Placement placed = place(order_);
    EXPECT_EQ(placed.outcome, Placement::Outcome::placing);
    EXPECT_EQ(placed.order_id, order_.id);
    EXPECT_EQ(found().state, OrderState::placing);
    EXPECT_FALSE(found().is_priced());

    OrdinaryOrderStore::NewOrder again = order_;
    again.id = shop_.new_id();
    const Placement repeated = place(again);
    EXPECT_EQ(repeated.outcome, Placement::Outcome::placing) << "product may be asked again";
    EXPECT_EQ(repeated.order_id, order_.id);
    EXPECT_EQ(repeated.reservation_id, placed.reservation_id) << "for the same units";

    EXPECT_TRUE(reserve(placed));
    EXPECT_FALSE(reserve(placed)) << "once";
    EXPECT_FALSE(refuse(placed)) << "too late";
    const OrdinaryOrder order = found();
    EXPECT_EQ(order.state, OrderState::reserved);
    EXPECT_EQ(order.total_cents, 5 * 250);
    EXPECT_EQ(order.lines[1].product_id, order_.lines[1].product_id) << "in the customer's order";
    EXPECT_EQ(order.lines[1].name, "lamp");
    EXPECT_EQ(place(again).outcome, Placement::Outcome::known);
    again.fingerprint = shop_.new_id();
    EXPECT_EQ(place(again).outcome, Placement::Outcome::key_reused);
    EXPECT_EQ(history(), "placed reserved ");
}

TEST_F(OrdinaryOrderStoreTest, ARefusalDoesNotBindItsKey) {
    const Placement first = place(order_);
    EXPECT_TRUE(refuse(first));
    EXPECT_EQ(found().refusal->why, OrderRefusal::not_enough_stock);
    EXPECT_EQ(found().refusal->available, 1);

    order_.fingerprint = shop_.new_id();
    order_.lines[0].quantity = 1;
    const Placement second = place(order_);
    EXPECT_EQ(second.outcome, Placement::Outcome::placing);
    EXPECT_EQ(second.order_id, order_.id);
    EXPECT_EQ(second.attempt, 2);
    EXPECT_NE(second.reservation_id, first.reservation_id);
    EXPECT_FALSE(reserve(first)) << "an answer to the first attempt decides nothing any more";
    EXPECT_TRUE(reserve(second));
    EXPECT_EQ(found().total_cents, 4 * 250);
    EXPECT_FALSE(found().refusal.has_value());
    EXPECT_EQ(history(), "placed refused placed reserved ");
}

TEST_F(OrdinaryOrderStoreTest, LimitsUnpaidOrdersOfACustomer) {
    place(order_);
    EXPECT_EQ(place(another()).outcome, Placement::Outcome::placing);
    EXPECT_EQ(place(another()).outcome, Placement::Outcome::too_many_open);
    EXPECT_EQ(place(order_).outcome, Placement::Outcome::placing) << "that one counts already";
    OrdinaryOrderStore::NewOrder other = another();
    other.customer_id = shop_.new_id();
    EXPECT_EQ(place(other).outcome, Placement::Outcome::placing);
    reserve(place(order_));
    pay();
    EXPECT_EQ(place(another()).outcome, Placement::Outcome::placing);
}

TEST_F(OrdinaryOrderStoreTest, RecordsAnApprovalBeforeProductIsAsked) {
    EXPECT_EQ(begin().outcome, OrdinaryPayStart::not_found);
    const Placement placed = place(order_);
    EXPECT_EQ(begin().outcome, OrdinaryPayStart::placing);
    reserve(placed);
    const auto started = begin();
    ASSERT_EQ(started.outcome, OrdinaryPayStart::started);
    EXPECT_EQ(started.attempt.amount_cents, 5 * 250);
    EXPECT_EQ(begin().outcome, OrdinaryPayStart::already_paying);
    EXPECT_EQ(cancel(), OrdinaryCancel::paying);
    EXPECT_EQ(settled(true), OrderState::paying) << "nothing is approved yet";
    EXPECT_EQ(finish(1, ChargeVerdict::approved), OrdinaryPayFinish::approved);
    EXPECT_EQ(finish(1, ChargeVerdict::approved), OrdinaryPayFinish::approved) << "repeated";
    EXPECT_EQ(found().state, OrderState::paying);
    EXPECT_EQ(sweep(), 0) << "an approved payment does not lapse";
    EXPECT_TRUE(shop_.run(shop_.ordinary_orders.claim(10, 1000, TestShop::soon())).empty())
        << "still its request's";
    shop_.execute("UPDATE orders.ordinary_orders SET due_at = now()");
    const auto claimed = shop_.run(shop_.ordinary_orders.claim(10, 60'000, TestShop::soon()));
    EXPECT_EQ(claimed, std::vector<base::Uuid>{order_.id});
    EXPECT_EQ(settled(true), OrderState::paid);
    EXPECT_EQ(settled(true), OrderState::paid) << "repeated";
    EXPECT_EQ(settled(false), OrderState::paid) << "and final";
    EXPECT_EQ(finish(1, ChargeVerdict::approved), OrdinaryPayFinish::paid);
    EXPECT_EQ(begin().outcome, OrdinaryPayStart::already_paid);
    EXPECT_EQ(history(), "placed reserved payment_started payment_approved paid ");
}

TEST_F(OrdinaryOrderStoreTest, APayKeyIsAnsweredWithWhatBecameOfItsAttempt) {
    const RequestKey declined = key();
    const RequestKey paid = key();
    EXPECT_EQ(begin_under(declined).outcome, OrdinaryPayStart::not_found);
    const Placement placed = place(order_);
    EXPECT_EQ(begin_under(declined).outcome, OrdinaryPayStart::placing);
    reserve(placed);
    EXPECT_EQ(begin_under(declined).attempt.n, 1) << "it was free as yet";
    EXPECT_EQ(begin_under(declined).outcome, OrdinaryPayStart::already_paying);
    finish(1, ChargeVerdict::declined);
    EXPECT_EQ(begin_under(declined).outcome, OrdinaryPayStart::declined);
    EXPECT_EQ(begin_under(paid).attempt.n, 2);
    finish(2, ChargeVerdict::approved);
    EXPECT_EQ(begin_under(paid).outcome, OrdinaryPayStart::already_paying) << "product's turn";
    settled(true);
    EXPECT_EQ(begin_under(paid).outcome, OrdinaryPayStart::already_paid);
    EXPECT_EQ(begin_under(declined).outcome, OrdinaryPayStart::declined);
    EXPECT_EQ(begin_under({paid.key, declined.fingerprint}).outcome, OrdinaryPayStart::key_reused);
    EXPECT_EQ(cancel(), OrdinaryCancel::refunded);
    EXPECT_EQ(begin_under(paid).outcome, OrdinaryPayStart::already_paid) << "it was answered that";
    EXPECT_EQ(begin().outcome, OrdinaryPayStart::refunded);
}

TEST_F(OrdinaryOrderStoreTest, ACancelKeyHasOneAnswerForGood) {
    const RequestKey too_soon = key();
    const RequestKey stalled = key();
    const RequestKey last = key();
    EXPECT_EQ(cancel(too_soon), OrdinaryCancel::not_found);
    const Placement placed = place(order_);
    EXPECT_EQ(cancel(too_soon), OrdinaryCancel::placing);
    reserve(placed);
    EXPECT_EQ(begin().outcome, OrdinaryPayStart::started);
    EXPECT_EQ(cancel(stalled), OrdinaryCancel::paying);
    finish(1, ChargeVerdict::approved);
    settled(true);
    EXPECT_EQ(cancel(stalled), OrdinaryCancel::paying) << "its first try came late";
    EXPECT_EQ(cancel(too_soon), OrdinaryCancel::placing);
    EXPECT_EQ(found().state, OrderState::paid);
    EXPECT_EQ(cancel(last), OrdinaryCancel::refunded);
    EXPECT_EQ(cancel(last), OrdinaryCancel::already_refunded);
    EXPECT_EQ(cancel(stalled), OrdinaryCancel::paying);
    EXPECT_EQ(cancel(RequestKey{last.key, shop_.new_id()}), OrdinaryCancel::key_reused);
}

TEST_F(OrdinaryOrderStoreTest, ACancelKeyFreesTheUnitsOnce) {
    reserve(place(order_));
    const RequestKey mine = key();
    EXPECT_EQ(cancel(mine), OrdinaryCancel::cancelled);
    EXPECT_EQ(cancel(mine), OrdinaryCancel::already_cancelled);
    EXPECT_EQ(work().size(), 1u);
    EXPECT_EQ(history(), "placed reserved cancelled ");
}

TEST_F(OrdinaryOrderStoreTest, LetsGoOfWhatALateAskGotForARefusedAttempt) {
    const Placement first = place(order_);
    EXPECT_TRUE(refuse(first));
    EXPECT_TRUE(work().empty());
    EXPECT_FALSE(reserve(first)) << "it travelled for long";
    auto items = work();
    ASSERT_EQ(items.size(), 1u);
    EXPECT_EQ(items[0].subject_id, first.reservation_id);
    ASSERT_EQ(items[0].lines.size(), 2u);
    EXPECT_EQ(items[0].lines[0].quantity + items[0].lines[1].quantity, 0);

    const Placement second = place(order_);
    EXPECT_TRUE(refuse(second));
    const Placement third = place(order_);
    EXPECT_FALSE(reserve(second)) << "nor is it the units of another attempt";
    items = work();
    ASSERT_EQ(items.size(), 1u);
    EXPECT_EQ(items[0].subject_id, second.reservation_id);
    EXPECT_TRUE(reserve(third));
    EXPECT_FALSE(reserve(third));
    EXPECT_TRUE(work().empty()) << "those are the order's";
}

TEST_F(OrdinaryOrderStoreTest, LetsGoOfWhatAnotherAskMayHaveGot) {
    const Placement first = place(order_);
    place(order_);
    EXPECT_TRUE(refuse(first)) << "the answer to the first ask, while another one travels";
    auto items = work();
    ASSERT_EQ(items.size(), 1u);
    EXPECT_EQ(items[0].subject_id, first.reservation_id);

    const Placement second = place(order_);
    shop_.execute("UPDATE orders.ordinary_orders SET due_at = now()");
    ASSERT_EQ(shop_.run(shop_.ordinary_orders.claim(10, 1000, TestShop::soon())).size(), 1u);
    EXPECT_TRUE(refuse(second)) << "a worker asked, too";
    items = work();
    ASSERT_EQ(items.size(), 1u);
    EXPECT_EQ(items[0].subject_id, second.reservation_id);

    EXPECT_TRUE(refuse(place(order_)));
    EXPECT_TRUE(work().empty()) << "nobody else has asked for the third attempt's";
}

TEST_F(OrdinaryOrderStoreTest, AnOrdersKeysAreNotKeptWithoutEnd) {
    const Placement placed = place(order_);
    const auto keys = [&] { return shop_.number("SELECT count(*) FROM orders.order_keys"); };
    const RequestKey first = key();
    EXPECT_EQ(cancel(first), OrdinaryCancel::placing);
    for (int asked = 1; asked < 100; ++asked) ASSERT_EQ(cancel(key()), OrdinaryCancel::placing);
    EXPECT_EQ(cancel(key()), OrdinaryCancel::too_many_keys);
    reserve(placed);
    EXPECT_EQ(cancel(key()), OrdinaryCancel::too_many_keys);
    EXPECT_EQ(found().state, OrderState::reserved);
    EXPECT_EQ(cancel(), OrdinaryCancel::cancelled);
    EXPECT_EQ(cancel(first), OrdinaryCancel::placing);
    EXPECT_EQ(cancel(key()), OrdinaryCancel::already_cancelled) << "that is final";
    EXPECT_EQ(keys(), 100);
}

TEST_F(OrdinaryOrderStoreTest, AFinalStateBindsNoCancelKey) {
    reserve(place(order_));
    cancel();
    EXPECT_EQ(cancel(key()), OrdinaryCancel::already_cancelled);
    EXPECT_EQ(shop_.number("SELECT count(*) FROM orders.order_keys"), 0);
}

TEST_F(OrdinaryOrderStoreTest, ALateVerdictChangesNoAnswerOfAPayKey) {
    reserve(place(order_));
    const RequestKey mine = key();
    ASSERT_EQ(begin_under(mine).outcome, OrdinaryPayStart::started);
    finish(1, ChargeVerdict::declined);
    EXPECT_EQ(begin_under(mine).outcome, OrdinaryPayStart::declined);
    EXPECT_EQ(finish(1, ChargeVerdict::approved), OrdinaryPayFinish::refund_due);
    EXPECT_EQ(begin_under(mine).outcome, OrdinaryPayStart::declined);
    EXPECT_EQ(begin_under(key()).attempt.n, 2);
}

TEST_F(OrdinaryOrderStoreTest, RefusesATotalThatNobodyCanPay) {
    const RefusedOrder why{OrderRefusal::total_too_large, {}, {}};
    const Placement placed = place(order_);
    EXPECT_TRUE(shop_.run(
        shop_.ordinary_orders.refused(placed.order_id, placed.attempt, why, true, TestShop::soon())
    ));
    EXPECT_EQ(found().refusal->why, OrderRefusal::total_too_large);
    EXPECT_EQ(work().size(), 1u);
}

TEST_F(OrdinaryOrderStoreTest, KeepsReleasesAndKeysForATime) {
    reserve(place(order_));
    EXPECT_EQ(cancel(key()), OrdinaryCancel::cancelled);
    OrdinaryOrderStore::NewOrder bought = another();
    const base::Uuid cancelled = std::exchange(order_, bought).id;
    reserve(place(order_));
    pay();
    EXPECT_EQ(cancel(key()), OrdinaryCancel::refunded);
    constexpr WorkStore::Retention retention{.keys_ms = 3'600'000, .releases_ms = 1'800'000};
    const auto prune = [&] {
        return shop_.run(shop_.work_items.prune(1, retention, TestShop::soon()));
    };
    const auto left = [&](const std::string& table) {
        return shop_.number("SELECT count(*) FROM orders." + table);
    };
    shop_.execute("UPDATE orders.work_items SET created_at = now() - interval '1 year'");
    EXPECT_EQ(prune(), 0) << "product was not told yet";
    shop_.execute("UPDATE orders.work_items SET done_at = now() - interval '29 minutes'");
    EXPECT_EQ(prune(), 0);
    shop_.execute(
        "UPDATE orders.work_items SET done_at = now() - interval '31 minutes';"
        "UPDATE orders.order_keys SET created_at = now() - interval '61 minutes'"
    );
    EXPECT_EQ(prune(), 1);
    EXPECT_EQ(left("order_keys"), 1) << "as many as were asked for";
    EXPECT_EQ(left("work_items WHERE kind = 'release_reservation'"), 0);
    EXPECT_EQ(prune(), 1);
    EXPECT_EQ(prune(), 0);
    EXPECT_EQ(left("order_keys"), 0);
    EXPECT_EQ(left("work_items"), 1) << "a return is of the order's history";
    EXPECT_EQ(
        history(),
        "returned placed reserved payment_started payment_approved paid cancelled refund_due "
    );
    order_.id = cancelled;
    EXPECT_EQ(history(), "placed reserved cancelled ");
}

TEST_F(OrdinaryOrderStoreTest, ADeclineLeavesTheUnits) {
    reserve(place(order_));
    begin();
    EXPECT_EQ(finish(1, ChargeVerdict::declined), OrdinaryPayFinish::declined);
    EXPECT_EQ(found().state, OrderState::reserved);
    EXPECT_EQ(begin().attempt.n, 2);
    EXPECT_EQ(finish(1, ChargeVerdict::approved), OrdinaryPayFinish::refund_due)
        << "a provider that takes money for what it declined gives it back";
    EXPECT_EQ(attempt_state(1), 5);
    EXPECT_EQ(found().state, OrderState::paying) << "the second attempt goes on";
    EXPECT_EQ(finish(7, ChargeVerdict::approved), OrdinaryPayFinish::unknown_attempt);
    const OrdinaryPayFinish stranger = shop_.run(shop_.ordinary_orders.finish_payment(
        shop_.new_id(), 1, ChargeVerdict::approved, drive_ms, TestShop::soon()
    ));
    EXPECT_EQ(stranger, OrdinaryPayFinish::not_ordinary);
}

TEST_F(OrdinaryOrderStoreTest, GivesMoneyBackForUnitsThatHaveGone) {
    reserve(place(order_));
    begin();
    finish(1, ChargeVerdict::approved);
    EXPECT_EQ(settled(false), OrderState::expired);
    EXPECT_EQ(attempt_state(1), 5);
    const auto due = shop_.run(shop_.payments.claim_due(10, 60'000, TestShop::soon()));
    ASSERT_EQ(due.size(), 1u);
    EXPECT_TRUE(due[0].refund);
    shop_.run(shop_.payments.confirm_due(due, TestShop::soon()));
    EXPECT_EQ(
        history(), "placed reserved payment_started payment_approved expired refund_due refunded "
    );
    const auto items = work();
    ASSERT_EQ(items.size(), 1u) << "product lets go of what it may still set aside";
    EXPECT_EQ(items[0].lines[0].quantity, 0);
}

TEST_F(OrdinaryOrderStoreTest, LetsTheUnitsOfACancelledOrderGo) {
    const Placement placed = place(order_);
    EXPECT_EQ(cancel(), OrdinaryCancel::placing);
    reserve(placed);
    EXPECT_EQ(cancel(), OrdinaryCancel::cancelled);
    EXPECT_EQ(cancel(), OrdinaryCancel::already_cancelled);
    EXPECT_EQ(begin().outcome, OrdinaryPayStart::cancelled);
    const auto items = work();
    ASSERT_EQ(items.size(), 1u);
    EXPECT_FALSE(items[0].returns);
    EXPECT_EQ(items[0].subject_id, placed.reservation_id);
    ASSERT_EQ(items[0].lines.size(), 2u);
    EXPECT_EQ(items[0].lines[1].quantity, 0);
    EXPECT_TRUE(work().empty()) << "claimed for a minute";
    shop_.run(shop_.work_items.finish_release(placed.reservation_id, TestShop::soon()));
    EXPECT_EQ(shop_.number("SELECT count(*) FROM orders.work_items WHERE done_at IS NULL"), 0);
}

TEST_F(OrdinaryOrderStoreTest, RefundsAPaidOrderAsAWhole) {
    reserve(place(order_));
    pay();
    EXPECT_EQ(cancel(), OrdinaryCancel::refunded);
    EXPECT_EQ(cancel(), OrdinaryCancel::already_refunded);
    EXPECT_EQ(found().state, OrderState::refunded);
    EXPECT_EQ(attempt_state(1), 5);
    const auto items = work();
    ASSERT_EQ(items.size(), 1u);
    EXPECT_TRUE(items[0].returns);
    EXPECT_EQ(items[0].subject_id, order_.id);
    EXPECT_EQ(items[0].lines[0].quantity + items[0].lines[1].quantity, 5);
    shop_.run(shop_.work_items.finish(items[0].id, TestShop::soon()));
    EXPECT_EQ(
        history(),
        "placed reserved payment_started payment_approved paid cancelled refund_due returned "
    );
    EXPECT_EQ(begin().outcome, OrdinaryPayStart::refunded);
}

TEST_F(OrdinaryOrderStoreTest, ExpiresWhatWasNotPaid) {
    reserve(place(order_), -1);
    EXPECT_EQ(begin().outcome, OrdinaryPayStart::expired);
    EXPECT_EQ(sweep(), 1);
    EXPECT_EQ(sweep(), 0);
    EXPECT_EQ(found().state, OrderState::expired);
    EXPECT_EQ(cancel(), OrdinaryCancel::expired);
    EXPECT_EQ(work().size(), 1u);
    EXPECT_EQ(history(), "placed reserved expired ");
}

TEST_F(OrdinaryOrderStoreTest, GivesUpAPlacementThatProductNeverAnswered) {
    place(order_);
    shop_.execute("UPDATE orders.ordinary_orders SET expires_at = now()");
    EXPECT_EQ(sweep(), 1);
    EXPECT_EQ(found().refusal->why, OrderRefusal::given_up);
    const auto items = work();
    ASSERT_EQ(items.size(), 1u) << "product may have set units aside";
    EXPECT_EQ(place(order_).attempt, 2);
}

TEST_F(OrdinaryOrderStoreTest, VoidsAPaymentThatIsNotDecidedInTime) {
    reserve(place(order_));
    begin(0);
    EXPECT_EQ(shop_.run(shop_.payments.lapse(10, TestShop::soon())), 0) << "not a sale's order";
    EXPECT_EQ(sweep(), 1);
    EXPECT_EQ(found().state, OrderState::expired);
    EXPECT_EQ(attempt_state(1), 3);
    EXPECT_EQ(finish(1, ChargeVerdict::approved), OrdinaryPayFinish::refund_due) << "too late";
    EXPECT_EQ(work().size(), 1u);
    EXPECT_EQ(history(), "placed reserved payment_started payment_lapsed expired refund_due ");
}

TEST_F(OrdinaryOrderStoreTest, ASweepCountsOnlyAttemptsOfOrdinaryOrders) {
    const base::Uuid sale = shop_.make_sale({.units = 5});
    const Take take = shop_.take();
    shop_.apply(sale, {take});
    shop_.begin(take, 0);
    reserve(place(order_));
    begin(0);
    const auto swept = shop_.run(shop_.ordinary_orders.sweep(1, TestShop::soon()));
    EXPECT_EQ(swept, 1);
    EXPECT_EQ(found().state, OrderState::expired);
    EXPECT_EQ(shop_.state_of(take), OrderState::paying) << "another sweep's";
}

TEST_F(OrdinaryOrderStoreTest, KeepsThePinsOfReplacedFunctions) {
    EXPECT_EQ(
        shop_.number("SELECT count(*) FROM pg_proc WHERE pronamespace = 'orders'::regnamespace "
                     "AND proname ~ '^(pay_(claim_due_v2|open_v1|lapse_v1)|"
                     "ordinary_(sweep_v1|settled_v2))$' AND prosecdef "
                     "AND proconfig @> '{\"search_path=pg_catalog, pg_temp\","
                     "plan_cache_mode=force_generic_plan,enable_seqscan=off,jit=off}' "
                     "AND NOT has_function_privilege('auditor', oid, 'EXECUTE')"),
        5
    );
}

TEST_F(OrdinaryOrderStoreTest, ListsACustomersOrdersByState) {
    reserve(place(order_));
    OrdinaryOrderStore::NewOrder newer = another();
    place(newer);
    const auto ids = [this](std::optional<base::Uuid> cursor, std::optional<OrderState> state) {
        std::vector<base::Uuid> listed;
        const auto orders = shop_.run(
            shop_.ordinary_orders.list(order_.customer_id, cursor, state, 10, TestShop::soon())
        );
        for (const OrdinaryOrder& order : orders) listed.push_back(order.id);
        return listed;
    };
    EXPECT_EQ(ids({}, {}), (std::vector<base::Uuid>{newer.id, order_.id}));
    EXPECT_EQ(ids(newer.id, {}), std::vector<base::Uuid>{order_.id});
    EXPECT_EQ(ids({}, OrderState::reserved), std::vector<base::Uuid>{order_.id});
}

TEST_F(OrdinaryOrderStoreTest, ReadsTheHistoryOfASalesOrderOffItsBatches) {
    const base::Uuid sale = shop_.make_sale({.units = 5});
    const Take paid = shop_.take();
    const Take returned = shop_.take();
    shop_.apply(sale, {paid, returned});
    shop_.begin(paid);
    shop_.finish(paid, 1, ChargeVerdict::declined);
    shop_.pay(paid);
    shop_.apply(sale, {}, {{returned.order_id, returned.customer_id}});
    order_.id = paid.order_id;
    EXPECT_EQ(
        history(),
        "reserved payment_started payment_declined payment_started payment_approved paid "
    );
    order_.id = returned.order_id;
    EXPECT_EQ(history(), "reserved cancelled ");
}

}  // namespace
}  // namespace order
