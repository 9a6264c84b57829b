#include "cli/audit/ordinary_checks.hpp"

#include "cli/audit/audited_database.test.hpp"

namespace cli {
namespace {

constexpr int mug = 1;
constexpr int pot = 2;
constexpr int customer = 3;
constexpr int paid = 0x10;
constexpr int refunded = 0x11;
constexpr int held = 0x12;
constexpr int cancelled = 0x13;

std::string order_is(int order) {
    return " id = '" + id(order) + "'";
}
std::string of_order(int order) {
    return " order_id = '" + id(order) + "'";
}
std::string reservation_of(int order) {
    return "(SELECT reservation_id FROM orders.ordinary_orders WHERE" + order_is(order) + ")";
}

/// Four ordinary orders of two mugs and a pot each, sound in every respect, made by the functions
/// of both rooms. Tests plant one flaw each.
class OrdinaryChecksTest : public ::testing::Test, public AuditedDatabase {
  protected:
    OrdinaryChecksTest() {
        for (const int product : {mug, pot}) {
            execute(fmt::format(
                "SELECT product.create_product_v1('{}', 'thing', '', 'home', 500, 'EUR', '', 100, "
                "'t', 'key-{}')",
                id(product),
                product
            ));
        }
        for (const int order : {paid, refunded, held, cancelled}) reserve(order);
        for (const int order : {paid, refunded}) pay(order);
        execute(fmt::format(
            "SELECT orders.ordinary_cancel_v1('{0}', '{2}');"
            "SELECT orders.ordinary_cancel_v1('{1}', '{2}')",
            id(refunded),
            id(cancelled),
            id(customer)
        ));
        settle(cancelled, 0);
        execute(fmt::format(
            "SELECT product.return_v1('{0}', '{0}', '{{{1},{2}}}', '{{2,1}}', 't');"
            "UPDATE orders.work_items SET done_at = now();"
            "UPDATE orders.payment_attempts SET state = 6 WHERE state = 5;"
            "UPDATE sandbox.charges SET state = 'refunded' WHERE provider_key = '{0}:1'",
            id(refunded),
            id(mug),
            id(pot)
        ));
    }

    void reserve(int order) {
        execute(fmt::format(
            "SELECT orders.ordinary_place_v1('{0}', '{1}', '{0}', '{0}', '{{{2},{3}}}', '{{2,1}}',"
            " 9, 60000, 2000);"
            "SELECT product.reserve_v1({4}, 'order', '{{{2},{3}}}', '{{2,1}}', 60000, 't');"
            "SELECT orders.ordinary_reserved_v1('{0}', 1, '{{{2},{3}}}', '{{mug,pot}}',"
            " '{{500,500}}', 'EUR', now() + interval '1 minute')",
            id(order),
            id(customer),
            id(mug),
            id(pot),
            reservation_of(order)
        ));
    }
    void settle(int order, int times) {
        execute(fmt::format(
            "SELECT product.settle_v1({}, '{{{},{}}}', '{{{},{}}}', 't')",
            reservation_of(order),
            id(mug),
            id(pot),
            2 * times,
            times
        ));
    }
    void pay(int order) {
        execute(fmt::format(
            "SELECT orders.ordinary_pay_begin_v1('{0}', '{1}', 60000);"
            "INSERT INTO sandbox.charges VALUES ('{0}:1', 1500, 'EUR', 'charged');"
            "SELECT orders.ordinary_pay_finish_v1('{0}', 1, 0, 2000)",
            id(order),
            id(customer)
        ));
        settle(order, 1);
        execute("SELECT orders.ordinary_settled_v1('" + id(order) + "', true)");
    }

    void expect_found(int invariant, const std::string& description) {
        expect_finding(look_at(std::nullopt), invariant, description);
    }
};

TEST_F(OrdinaryChecksTest, FindNothingInSoundOrders) {
    AuditReport report = look_at(std::nullopt);
    EXPECT_TRUE(report.holds()) << to_table(report);
    EXPECT_EQ(report.orders, 4);
    // Product has settled what order has not read yet: nothing is wrong with that.
    execute("UPDATE orders.ordinary_orders SET state = 1 WHERE" + order_is(paid));
    report = look_at(std::nullopt);
    EXPECT_TRUE(report.holds()) << to_table(report);
}

TEST_F(OrdinaryChecksTest, NeedNothingThatIsDeletedAfterAWhile) {
    execute(
        "DO $$ BEGIN ASSERT orders.prune_v1(100, 0, 0) = 1; "
        "ASSERT NOT EXISTS (SELECT FROM orders.work_items WHERE kind = 'release_reservation'); "
        "END $$"
    );
    const AuditReport report = look_at(std::nullopt);
    EXPECT_TRUE(report.holds()) << to_table(report);
}

TEST_F(OrdinaryChecksTest, FindAttemptsThatContradictTheirOrder) {
    const std::string broken = "an ordinary order and its payment attempts contradict each other";
    execute("UPDATE orders.payment_attempts SET state = 4 WHERE" + of_order(paid));
    expect_found(7, broken);
    execute("UPDATE orders.payment_attempts SET state = 2 WHERE" + of_order(paid));
    execute("UPDATE orders.payment_attempts SET state = 1 WHERE" + of_order(refunded));
    expect_found(7, broken);
    execute("UPDATE orders.payment_attempts SET state = 6 WHERE" + of_order(refunded));
    execute("UPDATE orders.ordinary_orders SET state = 1 WHERE" + order_is(held));
    expect_found(7, broken);
}

TEST_F(OrdinaryChecksTest, FindAttemptsOfNoOrder) {
    execute(
        "INSERT INTO orders.payment_attempts VALUES (gen_random_uuid(), 1, 1, 0, 5, 'EUR', now(), "
        "now(), now(), now())"
    );
    expect_found(7, "an order and its payment attempts contradict each other");
}

TEST_F(OrdinaryChecksTest, FindOtherAmountsThanTheLines) {
    const std::string broken = "another amount than its lines";
    execute("UPDATE orders.ordinary_order_lines SET quantity = 3 WHERE" + of_order(held));
    expect_found(7, broken);
    execute("UPDATE orders.ordinary_order_lines SET quantity = 1 WHERE" + of_order(held));
    execute("UPDATE orders.payment_attempts SET amount_cents = 5 WHERE" + of_order(paid));
    expect_found(7, broken);
}

TEST_F(OrdinaryChecksTest, FindUnitsThatAreNotSentBackAsTheyWereSold) {
    execute("DELETE FROM orders.work_items WHERE kind = 'return_units'");
    expect_found(7, "a refunded order's units were not ordered back");
    expect_found(7, "units went back to stock for an order that is not refunded");
}

TEST_F(OrdinaryChecksTest, FindUnitsOrderedBackForAnOrderThatIsPaid) {
    execute(
        "UPDATE orders.work_items SET subject_id = '" + id(paid) + "' WHERE kind = 'return_units'"
    );
    expect_found(7, "units are ordered back for an order that is not refunded");
}

TEST_F(OrdinaryChecksTest, FindReturnsThatProductDoesNotHave) {
    execute("DELETE FROM product.return_lines; DELETE FROM product.returns");
    expect_found(7, "an order to return units is done, and product has no such return");
}

TEST_F(OrdinaryChecksTest, FindReturnsThatNobodyOrdered) {
    execute("UPDATE product.return_lines SET quantity = 7");
    expect_found(7, "units went back to stock for an order that is not refunded, or other ones");
}

TEST_F(OrdinaryChecksTest, FindPaidOrdersWhoseUnitsWereNotSold) {
    execute("UPDATE product.reservation_lines SET sold = 1 WHERE sold = 2");
    expect_found(8, "a paid ordinary order has no reservation settled with its lines");
    execute("DELETE FROM product.reservation_lines; DELETE FROM product.reservations");
    expect_found(8, "a paid ordinary order has no reservation settled with its lines");
}

TEST_F(OrdinaryChecksTest, FindUnitsSoldToNobody) {
    execute("UPDATE orders.ordinary_orders SET state = 4 WHERE" + order_is(paid));
    expect_found(8, "product sold units of a reservation to no paid ordinary order");
}

TEST_F(OrdinaryChecksTest, FindUnitsKeptForNobody) {
    const std::string broken = "product sets units aside for no live ordinary order";
    execute("UPDATE orders.ordinary_orders SET state = 4 WHERE" + order_is(held));
    expect_found(8, broken);
    execute("SELECT orders.ordinary_release_v1('" + id(held) + "')");
    const AuditReport report = look_at(std::nullopt);
    EXPECT_TRUE(report.holds()) << "product is still to be told\n" << to_table(report);
    execute("UPDATE orders.work_items SET done_at = now()");
    expect_found(8, broken);
}

TEST_F(OrdinaryChecksTest, FindOrdersWithoutTheirUnits) {
    settle(held, 0);
    expect_found(8, "an ordinary order that can be paid has no units set aside");
}

TEST_F(OrdinaryChecksTest, FindWhatIsStuck) {
    const std::string broken = "an ordinary order is stuck";
    const std::string long_ago = " = now() - interval '1 day' WHERE";
    execute("UPDATE orders.ordinary_orders SET expires_at" + long_ago + order_is(held));
    expect_found(9, broken);
    execute("UPDATE orders.ordinary_orders SET state = 6 WHERE" + order_is(held));
    expect_found(9, broken);
    execute("UPDATE orders.ordinary_orders SET state = 3 WHERE" + order_is(held));
    execute("UPDATE orders.ordinary_orders SET state = 1, changed_at" + long_ago + order_is(paid));
    expect_found(9, broken);
}

}  // namespace
}  // namespace cli
