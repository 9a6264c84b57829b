#include <fmt/format.h>
#include <gtest/gtest.h>

#include "order/store/test_shop.hpp"
#include "testing/temporary_postgres.hpp"

namespace order {
namespace {

/// What a batch owes to those before it: due holds, payments under way, long histories.
class SaleBacklogTest : public ::testing::Test {
  protected:
    using Outcomes = std::vector<TakeOutcome>;

    static Outcomes outcomes_of(const BatchResult& result) {
        Outcomes outcomes;
        for (const TakeResult& take : result.takes) outcomes.push_back(take.outcome);
        return outcomes;
    }

    void expect_true(const base::Uuid& sale) { EXPECT_EQ(shop_.violations(sale), ""); }

    void wait_ms(std::int64_t time_ms) {
        shop_.number(fmt::format("SELECT 1 FROM pg_sleep({} / 1000.0)", time_ms));
    }

    SaleStore::DueSales due() { return shop_.run(shop_.sales.due(0, TestShop::soon())); }

    std::int64_t notes() { return shop_.number("SELECT count(*) FROM orders.late_holds"); }

    Peek peek(const base::Uuid& sale) {
        return shop_.run(shop_.sales.read(sale, TestShop::soon())).value();
    }

    void end(const base::Uuid& sale) {
        const auto ended =
            shop_.run(shop_.sales.control(sale, SaleAction::end, shop_.new_id(), TestShop::soon()));
        ASSERT_TRUE(ended.has_value());
    }

    /// History as of ten seconds ago: `batches` of `orders` orders of one unit each.
    void plant(const base::Uuid& sale, int batches, int orders, OrderState state) {
        shop_.execute(fmt::format(
            R"(CREATE TEMPORARY TABLE planted ON COMMIT DROP AS
               SELECT s.sale_no, u.seq, u.remaining, now() - interval '10 seconds' AS at,
                      s.hold_ms * interval '1 millisecond' AS hold
               FROM orders.sales s JOIN orders.sale_units u USING (sale_no) WHERE s.id = '{0}';
               INSERT INTO orders.sale_orders
               SELECT p.at + p.hold, p.at, p.seq + 1 + (n - 1) / {2}, NULL, 1999, p.sale_no, 1,
                      1 + (n - 1) % {2}, {3}, gen_random_uuid(), gen_random_uuid(),
                      gen_random_uuid(), gen_random_uuid()
               FROM planted p, generate_series(1, {1} * {2}) AS n;
               INSERT INTO orders.sale_batches (seq, fence, at, sale_no, remaining_after, kind,
                                                mode, state_after, sold_out_after, taken)
               SELECT o.seq, 0, p.at, p.sale_no, p.remaining - (o.seq - p.seq) * {2}, 0, 0, 2,
                      false, array_agg(o.id ORDER BY o.pos)
               FROM planted p JOIN orders.sale_orders o ON o.sale_no = p.sale_no AND o.seq > p.seq
               GROUP BY o.seq, p.at, p.sale_no, p.remaining, p.seq;
               UPDATE orders.sale_units u
               SET seq = u.seq + {1}, remaining = u.remaining - {1} * {2},
                   next_due_at = coalesce(u.next_due_at, p.at + p.hold)
               FROM planted p WHERE u.sale_no = p.sale_no;)",
            sale.to_string(),
            batches,
            orders,
            static_cast<int>(state)
        ));
    }

    /// As if all batches had been looked at, with a note for every open order.
    void note_all() {
        shop_.execute(
            "UPDATE orders.sale_units SET reclaimed_seq = seq, next_due_at = NULL;"
            "INSERT INTO orders.late_holds (sale_no, order_id) SELECT sale_no, id "
            "FROM orders.sale_orders WHERE state <= 1 ORDER BY state DESC"
        );
    }

    TestShop shop_{::testing::make_database("order_backlog")};
};

TEST_F(SaleBacklogTest, DecidesAllTakesOfACustomerThatGotNothing) {
    const auto sale = shop_.make_sale({.units = 50, .units_per_customer = 2});
    const auto customer = shop_.new_id();
    const Take first = shop_.take_of(customer, 3);
    const Take second = shop_.take_of(customer, 1);
    const Take third = shop_.take_of(customer, 1);
    EXPECT_EQ(
        outcomes_of(shop_.apply(sale, {first, second, third})),
        (Outcomes{TakeOutcome::limit_reached, TakeOutcome::bought, TakeOutcome::deferred})
    );
    EXPECT_EQ(outcomes_of(shop_.apply(sale, {third})), Outcomes{TakeOutcome::bought});

    std::vector<Take> flood;
    for (int count = 0; count < 20; ++count) flood.push_back(shop_.take_of(customer));
    EXPECT_EQ(
        outcomes_of(shop_.apply(sale, flood)), Outcomes(flood.size(), TakeOutcome::limit_reached)
    ) << "each deferral would cost everybody a place in the next batch";
    expect_true(sale);
}

TEST_F(SaleBacklogTest, DefersTheSecondTakeOfAKeyThatWasJustBought) {
    const auto sale = shop_.make_sale({.units = 50});
    const Take take = shop_.take();
    Take again = take;
    again.order_id = shop_.new_id();
    EXPECT_EQ(
        outcomes_of(shop_.apply(sale, {take, shop_.take(), again})),
        (Outcomes{TakeOutcome::bought, TakeOutcome::bought, TakeOutcome::deferred})
    );
    EXPECT_EQ(outcomes_of(shop_.apply(sale, {again})), Outcomes{TakeOutcome::known});
    expect_true(sale);
}

TEST_F(SaleBacklogTest, ShowsReadersALateHoldAtOnce) {
    const auto sale = shop_.make_sale({.units = 1, .hold_ms = 1500});
    const Take take = shop_.take();
    shop_.apply(sale, {take});
    const auto begun = shop_.begin(take);
    wait_ms(1510);
    shop_.apply(sale, {});
    const Peek paying = peek(sale);
    ASSERT_TRUE(paying.next_expiry_us.has_value()) << "the payment may fail";
    EXPECT_GT(*paying.next_expiry_us, paying.at_us);
    EXPECT_LE(*paying.next_expiry_us, paying.at_us + 250'000);

    EXPECT_EQ(shop_.finish(take, begun.attempt.n, ChargeVerdict::declined), PayFinish::declined);
    const Peek declined = peek(sale);
    ASSERT_TRUE(declined.next_expiry_us.has_value());
    EXPECT_LE(*declined.next_expiry_us, declined.at_us) << "only the row can decide now";
    EXPECT_EQ(due().reclaimable, std::vector<base::Uuid>{sale});
    const auto result = shop_.apply(sale, {shop_.take()});
    EXPECT_EQ(outcomes_of(result), Outcomes{TakeOutcome::bought});
    EXPECT_EQ(shop_.apply(sale, {}).next_expiry_us, result.expires_at_us)
        << "nothing else is open any more";
    expect_true(sale);
}

TEST_F(SaleBacklogTest, TellsWorkersWhatMayBeSoldOut) {
    const auto sale = shop_.make_sale({.units = 2});
    const Take first = shop_.take();
    const Take second = shop_.take();
    shop_.apply(sale, {first});
    shop_.apply(sale, {second});
    shop_.pay(second);
    EXPECT_TRUE(due().reclaimable.empty()) << "the first may come back";
    shop_.pay(first);
    EXPECT_EQ(due().reclaimable, std::vector<base::Uuid>{sale});
    EXPECT_TRUE(shop_.apply(sale, {}).sold_out);
    EXPECT_TRUE(due().reclaimable.empty());
    expect_true(sale);
}

TEST_F(SaleBacklogTest, SettlesARefusedSaleWithProduct) {
    const auto sale = shop_.make_sale({.units = 7});
    shop_.execute("UPDATE orders.sale_units SET state = 0, seq = 0; DELETE FROM orders.sale_batches"
    );
    shop_.run(shop_.sales.refuse(sale, "not enough stock", TestShop::soon()));
    shop_.run(shop_.sales.refuse(sale, "not enough stock", TestShop::soon()));
    const auto terms = shop_.run(shop_.sales.find(sale, TestShop::soon())).value().terms;
    const auto items = shop_.run(shop_.work_items.claim_settlements(10, 60'000, TestShop::soon()));
    ASSERT_EQ(items.size(), 1u) << "a create under way elsewhere would keep its units for ever";
    EXPECT_EQ(items[0].sale_id, sale);
    EXPECT_EQ(items[0].product_id, terms.product_id);
    EXPECT_EQ(items[0].sold, 0);
}

TEST_F(SaleBacklogTest, LooksAtABoundedNumberOfOrders) {
    const auto sale = shop_.make_sale({.units = 67'001, .hold_ms = 1000});
    for (int piece = 0; piece < 67; ++piece) plant(sale, 1, 1000, OrderState::paid);
    plant(sale, 1, 1, OrderState::reserved);
    const Take take = shop_.take();
    const auto first = shop_.apply(sale, {take});
    EXPECT_EQ(outcomes_of(first), Outcomes{TakeOutcome::late})
        << "it may not say that none is left while a hold is due";
    ASSERT_TRUE(first.next_expiry_us.has_value());
    EXPECT_LE(*first.next_expiry_us, first.at_us);
    Outcomes outcomes{TakeOutcome::late};
    for (int call = 0; call < 20 && outcomes.front() == TakeOutcome::late; ++call) {
        outcomes = outcomes_of(shop_.apply(sale, {take}));
    }
    EXPECT_EQ(outcomes, Outcomes{TakeOutcome::bought});
    expect_true(sale);
}

TEST_F(SaleBacklogTest, FindsDueHoldsInBatchesOfOne) {
    const auto sale = shop_.make_sale({.units = 3000, .units_per_customer = 3000, .hold_ms = 1000});
    plant(sale, 3000, 1, OrderState::reserved);
    EXPECT_EQ(outcomes_of(shop_.apply(sale, {shop_.take(3000)})), Outcomes{TakeOutcome::bought});
    EXPECT_EQ(shop_.number("SELECT count(*) FROM orders.sale_orders WHERE state = 4"), 3000);
    expect_true(sale);
}

TEST_F(SaleBacklogTest, PassesOverNotesOfWhoStillPays) {
    const auto sale = shop_.make_sale({.units = 1501, .hold_ms = 1000});
    plant(sale, 15, 100, OrderState::paying);
    plant(sale, 1, 1, OrderState::reserved);
    note_all();
    const auto result = shop_.apply(sale, {shop_.take()});
    EXPECT_EQ(outcomes_of(result), Outcomes{TakeOutcome::bought}) << "its note is the last one";
    EXPECT_EQ(notes(), 1500);
    expect_true(sale);
}

TEST_F(SaleBacklogTest, LeavesWhoPaysToTheEndOfThePayment) {
    const auto sale = shop_.make_sale({.units = 3, .hold_ms = 1500});
    const Take declined = shop_.take();
    const Take approved = shop_.take();
    const Take early = shop_.take();
    shop_.apply(sale, {declined, approved, early});
    shop_.begin(declined);
    shop_.begin(approved);
    shop_.begin(early);
    EXPECT_EQ(shop_.finish(early, 1, ChargeVerdict::declined), PayFinish::declined);
    EXPECT_EQ(notes(), 0) << "its batch will find it";
    wait_ms(1510);
    EXPECT_EQ(shop_.apply(sale, {}).remaining, 1);
    EXPECT_EQ(notes(), 0) << "thousands of them would be looked at by every batch";
    shop_.finish(approved, 1, ChargeVerdict::approved);
    EXPECT_EQ(notes(), 0);
    shop_.finish(declined, 1, ChargeVerdict::declined);
    EXPECT_EQ(notes(), 1);
    EXPECT_EQ(shop_.apply(sale, {}).remaining, 2);
    EXPECT_EQ(notes(), 0);
    expect_true(sale);
}

TEST_F(SaleBacklogTest, NotesAnOrderWhosePaymentEndsMeanwhile) {
    const auto sale = shop_.make_sale({.units = 1, .hold_ms = 1500});
    const Take take = shop_.take();
    shop_.apply(sale, {take});
    shop_.begin(take);
    wait_ms(1510);
    const auto ending = shop_.run(shop_.room().acquire(TestShop::soon()));
    shop_.run(ending->run("BEGIN", TestShop::soon()));
    shop_.run(ending->run(
        fmt::format(
            "SELECT orders.pay_finish_v1(ARRAY['{}']::uuid[], ARRAY[1], ARRAY[1])",
            take.order_id.to_string()
        ),
        TestShop::soon()
    ));
    EXPECT_EQ(outcomes_of(shop_.apply(sale, {shop_.take()})), Outcomes{TakeOutcome::none_left_now});
    EXPECT_EQ(notes(), 1) << "the payment can't see that its batch is done with";
    shop_.run(ending->run("COMMIT", TestShop::soon()));
    EXPECT_EQ(outcomes_of(shop_.apply(sale, {shop_.take()})), Outcomes{TakeOutcome::bought});
    EXPECT_EQ(shop_.state_of(take), OrderState::expired);
    expect_true(sale);
}

TEST_F(SaleBacklogTest, KeepsAPartOfTheRulesFromTheRoom) {
    const auto connection = shop_.run(shop_.room().acquire(TestShop::soon()));
    const std::string half = "SELECT orders.sale_reclaim_v1(1, '1 s', now(), 0, 0, 0, 1024, 0)";
    EXPECT_THROW(shop_.run(connection->run(half, TestShop::soon())), postgres::Error)
        << "orders would end without their units coming back";
}

TEST_F(SaleBacklogTest, SettlesALongHistoryInOneCall) {
    const auto sale = shop_.make_sale({.units = 10'001, .hold_ms = 3'600'000});
    plant(sale, 10, 1000, OrderState::paid);
    end(sale);
    EXPECT_TRUE(shop_.run(shop_.sales.settle(sale, TestShop::soon())).settled);
    EXPECT_EQ(shop_.standing(sale).sold, 10'000);
    expect_true(sale);
}

TEST_F(SaleBacklogTest, StopsAtTheFirstOpenOrderOfManyBatches) {
    const auto sale = shop_.make_sale({.units = 101, .hold_ms = 3'600'000});
    plant(sale, 60, 1, OrderState::paid);
    plant(sale, 1, 1, OrderState::reserved);
    plant(sale, 40, 1, OrderState::paid);
    EXPECT_FALSE(shop_.apply(sale, {}).sold_out);
    EXPECT_EQ(shop_.number("SELECT final_seq FROM orders.sale_units"), 61);
    shop_.execute("UPDATE orders.sale_orders SET state = 2");
    EXPECT_TRUE(shop_.apply(sale, {}).sold_out);
    expect_true(sale);
}

}  // namespace
}  // namespace order
