#include "cli/audit/audit.hpp"

#include <atomic>
#include <fstream>
#include <map>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "cli/audit/audited_database.test.hpp"
#include "token/digest.hpp"

namespace cli {
namespace {

constexpr int sale = 1;
constexpr int product = 2;
constexpr int refused_sale = 3;
constexpr int anna = 0xa;
constexpr int bob = 0xb;
constexpr int carl = 0xc;
constexpr int dora = 0xd;

/// One small sale from its opening to its settlement, sound in every respect, and the log of the
/// crowd that bought there. Tests plant one flaw each.
class AuditTest : public ::testing::Test, public AuditedDatabase {
  protected:
    AuditTest() {
        open_sale();
        sell();
        settle();
        write_log();
    }
    ~AuditTest() override { std::filesystem::remove(path_); }

    static std::string key_digest(const std::string& text) {
        const auto digest = token::sha256(text);
        return base::to_hex(std::span(digest).first(16));
    }

    void open_sale() {
        execute(fmt::format(
            "INSERT INTO product.products (id, name, description, category, price_cents, currency, "
            "image, stock, created_by) VALUES ('{1}', 'lamp', '', 'home', 1999, 'EUR', '', 96, "
            "'t');"
            "INSERT INTO product.stock_ledger (product_id, kind, quantity, stock_after, "
            "reserved_after, actor) VALUES ('{1}', 'initial', 100, 100, 0, 't'), "
            "('{1}', 'reserve', 4, 100, 4, 't'), ('{1}', 'settle_sold', 4, 96, 0, 't');"
            "INSERT INTO product.reservations (id, purpose, state, closed_at, created_by) "
            "VALUES ('{0}', 'flash_sale', 'settled', now(), 't');"
            "INSERT INTO product.reservation_lines VALUES ('{0}', '{1}', 4, 4);"
            "SELECT orders.sale_create_v1('{0}', '{1}', 'lamp', 1999, 'EUR', 4, 2, 3, 60000, "
            "now() - interval '1 hour', now() + interval '1 hour', '{0}', '{0}', '{0}');"
            "SELECT orders.sale_open_v1('{0}', NULL)",
            id(sale),
            id(product)
        ));
    }

    struct Buy {
        int customer;
        int quantity;
    };
    /// Order n of customer c has the id 0x100 * c.
    void apply(const std::vector<Buy>& buys, const std::vector<int>& returns = {}) {
        std::string orders;
        std::string customers;
        std::string keys;
        std::string quantities;
        std::string deadlines;
        for (const Buy& buy : buys) {
            const char* comma = orders.empty() ? "" : ",";
            orders += comma + id(0x100 * buy.customer);
            customers += comma + id(buy.customer);
            keys += comma + key_digest(fmt::format("key-{}", buy.customer));
            quantities += comma + std::to_string(buy.quantity);
            deadlines += std::string(comma) + "9000000000000000";
        }
        std::string back;
        std::string owners;
        for (const int customer : returns) {
            back += id(0x100 * customer);
            owners += id(customer);
        }
        execute(fmt::format(
            "SELECT orders.sale_apply_v1('{}', 0, 0, '{{{}}}', '{{{}}}', '{{{}}}', '{{{}}}', "
            "'{{{}}}', '{{{}}}', '{{{}}}', '{{{}}}')",
            id(sale),
            orders,
            customers,
            keys,
            keys,
            quantities,
            deadlines,
            back,
            owners
        ));
    }

    void pay(int customer, int amount_cents) {
        const std::string order = id(0x100 * customer);
        execute(fmt::format(
            "SELECT orders.pay_begin_v1('{{{0}}}', '{{{1}}}', 60000);"
            "INSERT INTO sandbox.charges VALUES ('{0}:1', {2}, 'EUR', 'charged');"
            "SELECT orders.pay_finish_v1('{{{0}}}', '{{1}}', '{{0}}')",
            order,
            id(customer),
            amount_cents
        ));
    }

    void sell() {
        apply({{anna, 2}, {bob, 1}});  // seq 2: 1 left
        apply({{carl, 2}}, {bob});     // seq 3: none left
        apply({{dora, 1}});            // refused, nothing written
        pay(anna, 2 * 1999);
        pay(carl, 2 * 1999);
        apply({{dora, 1}});  // seq 4: sold out
    }

    void settle() {
        execute(fmt::format(
            "SELECT orders.sale_control_v1('{0}', 2, '{0}'); SELECT orders.sale_settle_v1('{0}');"
            "UPDATE orders.work_items SET done_at = now()",
            id(sale)
        ));
    }

    struct Line {
        int customer;
        const char* kind = "take";
        std::int64_t quantity = 1;
        int status = 201;
        const char* code = "-";
        std::int64_t seq = 0;
        const char* pos = "-";
        const char* remaining = "-";
        std::int64_t sent_ms = -1;  ///< against the moment of batch `seq`
        std::int64_t answered_ms = 1;
        std::string order = "-";
        const char* price = "-";
    };

    void write_log() {
        log_ = {
            {.customer = anna,
             .quantity = 2,
             .seq = 2,
             .pos = "1",
             .order = id(0x100 * anna),
             .price = "1999"},
            {.customer = bob, .seq = 2, .pos = "2", .order = id(0x100 * bob), .price = "1999"},
            {.customer = carl, .quantity = 2, .seq = 3, .pos = "1", .order = id(0x100 * carl)},
            {.customer = dora, .status = 409, .code = "none_left_now", .seq = 3, .remaining = "0"},
            {.customer = dora,
             .status = 409,
             .code = "sold_out",
             .seq = 4,
             .pos = "1",
             .remaining = "0"},
            {.customer = anna, .kind = "pay", .status = 200, .seq = 4, .order = id(0x100 * anna)},
            {.customer = bob, .kind = "cancel", .status = 200, .seq = 3, .order = id(0x100 * bob)},
            {.customer = 0xe, .status = 0, .seq = 3}
        };
    }

    AuditReport look_at_saved_log() { return look_at(path_); }
    AuditReport look(bool with_log = true) {
        if (!with_log) return look_at(std::nullopt);
        save_log();
        return look_at(path_);
    }

    void save_log() {
        std::ofstream file(path_);
        file
            << "sent_us\tanswered_us\tkind\tsale_id\tcustomer_id\tkey\tquantity\torder_id\tstatus\t"
               "code\tseq\tpos\tremaining\tunit_price_cents\n";
        std::map<std::int64_t, std::int64_t> moments;
        for (const Line& line : log_) {
            if (!moments.contains(line.seq)) {
                moments[line.seq] = number(fmt::format(
                    "SELECT coalesce(max((extract(epoch FROM at) * 1000000)::bigint), 0) "
                    "FROM orders.sale_batches "
                    "WHERE seq = {}",
                    line.seq
                ));
            }
            const std::int64_t at_us = moments[line.seq];
            const bool answered = line.status != 0;
            file << fmt::format(
                "{}\t{}\t{}\t{}\t{}\tkey-{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n",
                at_us + line.sent_ms * 1000,
                answered ? at_us + line.answered_ms * 1000 : 0,
                line.kind,
                id(sale),
                id(line.customer),
                line.customer,
                line.quantity,
                line.order,
                line.status,
                line.code,
                answered ? std::to_string(line.seq) : "-",
                line.pos,
                line.remaining,
                line.price
            );
        }
    }

    void expect_found(int invariant, const std::string& description, bool with_log = true) {
        expect_finding(look(with_log), invariant, description);
    }
    void expect_found_by_database(int invariant, const std::string& description) {
        expect_found(invariant, description, false);
    }

    std::vector<Line> log_;
    std::filesystem::path path_ =
        std::filesystem::temp_directory_path() / fmt::format("doorbuster-audit-{}.tsv", ::getpid());
};

TEST_F(AuditTest, FindsNothingInASoundSale) {
    const AuditReport report = look();
    EXPECT_TRUE(report.holds()) << to_table(report);
    EXPECT_EQ(report.sales, 1);
    EXPECT_EQ(report.orders, 3);
    EXPECT_EQ(report.batches, 6);
    EXPECT_EQ(report.exchanges, 8);
    EXPECT_TRUE(report.skipped.empty());
    EXPECT_NE(to_json(report).find("\"holds\":true"), std::string::npos);
    EXPECT_EQ(look(false).skipped.size(), 4u) << "without a log";
}

TEST_F(AuditTest, FindsUnitsThatDoNotAddUp) {
    execute("UPDATE orders.sale_units SET remaining = remaining + 1");
    expect_found_by_database(1, "allotted is not remaining + held + sold + released");
    expect_found_by_database(1, "the row does not agree");
}

TEST_F(AuditTest, FindsALostOrder) {
    execute("DELETE FROM orders.sale_orders WHERE id = '" + id(0x100 * bob) + "'");
    expect_found_by_database(1, "orders and the batches that name them differ");
    expect_found_by_database(1, "does not replay: an order of the batch is missing");
}

TEST_F(AuditTest, FindsAForgedHistory) {
    execute("UPDATE orders.sale_batches SET remaining_after = 3 WHERE seq = 2");
    expect_found_by_database(1, "does not replay: units do not add up");
}

TEST_F(AuditTest, FindsAGapInTheHistory) {
    execute("DELETE FROM orders.sale_batches WHERE seq = 4");
    expect_found_by_database(1, "does not replay: a gap in seq");
}

TEST_F(AuditTest, FindsAFallingFence) {
    execute("UPDATE orders.sale_batches SET fence = 7 WHERE seq = 2");
    expect_found_by_database(1, "does not replay: the fence fell");
}

TEST_F(AuditTest, FindsUnitsGivenAfterTheEnd) {
    execute("UPDATE orders.sale_batches SET sold_out_after = true WHERE seq = 2");
    expect_found_by_database(1, "a sale gave units after it was sold out");
}

TEST_F(AuditTest, FindsAnAnswerWithoutAnOrder) {
    execute(
        "UPDATE orders.sale_orders SET key = gen_random_uuid() WHERE id = '" + id(0x100 * anna) +
        "'"
    );
    expect_found(2, "a buyer was told of an order that does not exist");
}

TEST_F(AuditTest, FindsAnAnswerThatNamesNoOrder) {
    log_[0].order = "-";
    expect_found(2, "a buyer was not told which order he has");
}

TEST_F(AuditTest, FindsAZombieOrder) {
    execute(
        "UPDATE orders.sale_orders SET customer_id = '" + id(dora) + "', key = '" +
        key_digest(fmt::format("key-{}", dora)) + "' WHERE id = '" + id(0x100 * bob) + "'"
    );
    expect_found(2, "refused for good and yet has an order");
}

TEST_F(AuditTest, FindsAnotherQuantityOrPrice) {
    log_[0].quantity = 1;
    log_[1].price = "1";
    expect_found(2, "another quantity");
    expect_found(2, "another price");
}

TEST_F(AuditTest, FindsPaymentsAndCancelsThatWereNot) {
    log_[5].order = id(0x100 * bob);
    log_[6].order = id(0x100 * anna);
    expect_found(2, "told paid, but the order is not");
    expect_found(2, "told cancelled, but the order is not");
}

TEST_F(AuditTest, FindsAnOrderOfNoSale) {
    execute(
        "INSERT INTO orders.sale_orders SELECT expires_at, changed_at, seq, returned_seq, "
        "unit_price_cents, sale_no + 7, quantity, pos, state, gen_random_uuid(), customer_id, key, "
        "fingerprint FROM orders.sale_orders LIMIT 1"
    );
    expect_found_by_database(1, "an order belongs to no sale");
}

TEST_F(AuditTest, FindsAnotherPlaceThanWasTold) {
    log_[0].pos = "2";
    expect_found(3, "another place than the buyer was told");
}

TEST_F(AuditTest, FindsRefusalsWithoutGround) {
    log_[3].seq = 99;
    expect_found(5, "a refusal names a batch that does not exist");
    log_[4].code = "sale_over";
    log_[4].seq = 3;
    expect_found(5, "told sale_over before the end");
}

TEST_F(AuditTest, FindsAKeyWithTwoOrders) {
    execute(
        "ALTER TABLE orders.sale_orders DROP CONSTRAINT sale_orders_sale_no_customer_id_key_key;"
        "INSERT INTO orders.sale_orders SELECT expires_at, changed_at, seq, returned_seq, "
        "unit_price_cents, sale_no, quantity, pos, state, gen_random_uuid(), customer_id, key, "
        "fingerprint FROM orders.sale_orders WHERE id = '" +
        id(0x100 * anna) + "'"
    );
    expect_found(3, "one key has more than one order");
}

TEST_F(AuditTest, FindsChangingAnswers) {
    Line again = log_[0];
    again.order = id(0x100 * carl);
    log_.push_back(again);
    expect_found(3, "the same key was answered with different orders");
    Line over = log_[4];
    over.code = "sale_over";
    over.seq = 5;
    over.pos = "-";
    log_.push_back(over);
    expect_found(3, "the same key was told sold_out and sale_over");
}

TEST_F(AuditTest, FindsBrokenLimits) {
    execute("UPDATE orders.sales SET units_per_customer = 1");
    expect_found_by_database(4, "a customer held more units than allowed");
    execute(
        "UPDATE orders.sales SET units_per_customer = 9, holds_per_customer = 1;"
        "UPDATE orders.sale_orders SET customer_id = '" +
        id(anna) + "'"
    );
    expect_found_by_database(4, "a customer opened more holds than allowed");
}

TEST_F(AuditTest, FindsAnUndersell) {
    log_[3].seq = 2;
    log_[3].remaining = "1";
    expect_found(5, "a buyer was refused although there were units");
}

TEST_F(AuditTest, FindsAWrongNumberOfUnitsLeft) {
    log_[4].remaining = "7";
    expect_found(5, "a wrong number of units left");
}

TEST_F(AuditTest, FindsAnEarlySoldOut) {
    log_[4].seq = 3;
    log_[4].pos = "-";
    expect_found(5, "told sold_out while units could come back");
}

TEST_F(AuditTest, FindsAStaleRefusal) {
    log_[3].sent_ms = 5000;
    log_[3].answered_ms = 5001;
    expect_found(5, "a state more than a second old");
}

TEST_F(AuditTest, FindsARefusalWhileAHoldWasOverdue) {
    execute(
        "UPDATE orders.sale_orders SET state = 4, returned_seq = 4, "
        "expires_at = now() - interval '10 seconds' WHERE id = '" +
        id(0x100 * bob) + "'"
    );
    log_[3].sent_ms = -500;
    expect_found(5, "a buyer was refused while a hold was overdue");
}

TEST_F(AuditTest, FindsWhoWasServedOutOfTurn) {
    log_[2].sent_ms = -30'000;
    log_[2].answered_ms = -20'000;
    expect_found(6, "a purchase answered before another was sent stands behind it");
}

TEST_F(AuditTest, FindsAUnitThatCameBackTwice) {
    execute(
        "UPDATE orders.sale_batches SET returned = array_append(returned, '" + id(0x100 * bob) +
        "') WHERE seq = 4"
    );
    expect_found_by_database(1, "does not replay: a returned order has not come back");
    execute("UPDATE orders.sale_orders SET returned_seq = NULL");
    expect_found_by_database(7, "a unit came back without its order ending");
}

TEST_F(AuditTest, FindsMoneyThatIsNotAccountedFor) {
    execute("UPDATE orders.payment_attempts SET state = 4");
    expect_found_by_database(7, "an order and its payment attempts contradict each other");
    expect_found_by_database(7, "the provider charged without a payment");
    execute(
        "UPDATE orders.payment_attempts SET state = 2, amount_cents = 5;"
        "UPDATE sandbox.charges SET state = 'voided'"
    );
    expect_found_by_database(7, "another amount");
    expect_found_by_database(7, "a paid order was not charged");
}

TEST_F(AuditTest, FindsARefundThatGaveNothingBack) {
    execute("UPDATE orders.sale_orders SET state = 5 WHERE id = '" + id(0x100 * anna) + "'");
    expect_found_by_database(7, "an order and its payment attempts contradict each other");
    execute("DELETE FROM orders.payment_attempts; DELETE FROM sandbox.charges");
    expect_found_by_database(7, "an order and its payment attempts contradict each other");
}

TEST_F(AuditTest, FindsUnitsOfARefundedOrderThatStayAway) {
    const std::string broken = "a refunded order of a sale did not order its units back";
    const std::string order = id(0x100 * anna);
    execute("SELECT orders.pay_refund_v1('" + order + "', '" + id(anna) + "')");
    const AuditReport sound = look(false);
    EXPECT_TRUE(sound.holds()) << to_table(sound);
    const std::string change = "UPDATE orders.work_items SET payload = jsonb_set(payload, ";
    const std::string of_return = " WHERE kind = 'return_units'";
    execute(change + "'{lines,0,quantity}', '1')" + of_return);
    expect_found_by_database(7, broken);
    execute(change + "'{lines,0,quantity}', '2')" + of_return);
    execute(change + "'{lines,0,product_id}', to_jsonb('" + id(sale) + "'::text))" + of_return);
    expect_found_by_database(7, broken);
    execute("DELETE FROM orders.work_items" + of_return);
    expect_found_by_database(7, broken);
}

TEST_F(AuditTest, FindsUnitsOrderedBackForAnOrderThatIsNotRefunded) {
    execute(
        "INSERT INTO orders.work_items (kind, subject_id, payload) VALUES ('return_units', '" +
        id(0x100 * anna) + "', '{\"lines\": []}')"
    );
    expect_found_by_database(7, "units are ordered back for an order that is not refunded");
}

TEST_F(AuditTest, FindsSalesAndStockThatDisagree) {
    execute("UPDATE product.reservation_lines SET quantity = 5");
    expect_found_by_database(8, "a sale's allotment is not what product set aside");
    execute("UPDATE product.reservation_lines SET quantity = 4, sold = 3");
    expect_found_by_database(8, "product committed another number");
    execute("UPDATE product.products SET stock = 97");
    expect_found_by_database(8, "a product's stock is not the sum of its movements");
    execute(
        "INSERT INTO product.reservations (id, purpose, state, created_by) "
        "VALUES (gen_random_uuid(), 'flash_sale', 'open', 't')"
    );
    expect_found_by_database(8, "product sets units aside for no live sale");
    execute("DELETE FROM orders.work_items");
    expect_found_by_database(8, "sale has no settlement ordered");
}

TEST_F(AuditTest, FindsMovementsOutOfNowhere) {
    execute(fmt::format(
        "UPDATE product.products SET stock = stock + 1;"
        "INSERT INTO product.stock_ledger (product_id, kind, quantity, stock_after, "
        "reserved_after, actor) VALUES ('{}', 'return', 1, 97, 0, 't')",
        id(product)
    ));
    expect_found_by_database(8, "a movement of stock has no restock, return or settlement");
}

TEST_F(AuditTest, FindsNothingInBooksThatWereCorrected) {
    execute("DELETE FROM product.stock_ledger WHERE kind = 'settle_sold'");
    expect_found_by_database(8, "a product's stock is not the sum of its movements");
    execute(fmt::format("SELECT product.correct_stock_v1('{}', 'row', 'test', 't')", id(product)));
    EXPECT_TRUE(look().holds());
}

TEST_F(AuditTest, FindsAChargeUnderAKeyThatNobodyMade) {
    execute("INSERT INTO sandbox.charges VALUES ('who knows', 1, 'EUR', 'charged')");
    expect_found_by_database(7, "the provider charged without a payment");
}

TEST_F(AuditTest, FindsNothingInARefusedSale) {
    execute(fmt::format(
        "SELECT orders.sale_create_v1('{0}', '{1}', 'lamp', 1, 'EUR', 500, 1, 1, 60000, now(), "
        "now() + interval '1 hour', '{0}', '{0}', '{0}');"
        "SELECT orders.sale_open_v1('{0}', 'not_enough_stock')",
        id(refused_sale),
        id(product)
    ));
    // A create that was under way came through: its settlement is still to come.
    execute(fmt::format(
        "SELECT product.reserve_v1('{0}', 'flash_sale', '{{{1}}}', '{{1}}', NULL, 't')",
        id(refused_sale),
        id(product)
    ));
    AuditReport report = look();
    EXPECT_TRUE(report.holds()) << to_table(report);
    execute("UPDATE orders.work_items SET done_at = now()");
    expect_found_by_database(8, "product sets units aside for no live sale");
    execute(fmt::format(
        "SELECT product.settle_v1('{0}', '{{{1}}}', '{{0}}', 't')", id(refused_sale), id(product)
    ));
    report = look();
    EXPECT_TRUE(report.holds()) << to_table(report);
}

TEST_F(AuditTest, FindsNothingInARefusedSaleThatProductNeverKnew) {
    execute(fmt::format(
        "SELECT orders.sale_create_v1('{0}', '{1}', 'lamp', 1, 'EUR', 500, 1, 1, 60000, now(), "
        "now() + interval '1 hour', '{0}', '{0}', '{0}');"
        "SELECT orders.sale_open_v1('{0}', 'not_enough_stock');"
        "SELECT product.settle_v1('{0}', '{{{1}}}', '{{0}}', 't');"
        "UPDATE orders.work_items SET done_at = now()",
        id(refused_sale),
        id(product)
    ));
    const AuditReport report = look();
    EXPECT_TRUE(report.holds()) << to_table(report);
}

TEST_F(AuditTest, FindsWhatIsStuck) {
    execute("UPDATE orders.work_items SET done_at = NULL, created_at = now() - interval '1 day'");
    expect_found_by_database(9, "a work item is stuck");
    execute(
        "UPDATE orders.payment_attempts SET state = 3, paying_until = now() - interval '1 day', "
        "changed_at = now() - interval '1 day'"
    );
    expect_found_by_database(9, "a payment is stuck");
    execute(
        "UPDATE orders.sale_units SET state = 0;"
        "UPDATE orders.sales SET created_at = now() - interval '1 day'"
    );
    expect_found_by_database(9, "a sale is stuck");
    execute(
        "INSERT INTO product.reservations (id, purpose, state, expires_at, created_by) "
        "VALUES (gen_random_uuid(), 'order', 'open', now() - interval '1 day', 't')"
    );
    expect_found_by_database(9, "a reservation that ran out still holds units");
}

TEST_F(AuditTest, FindsAHoldThatNobodyTookBack) {
    execute(
        "UPDATE orders.sale_orders SET state = 0, returned_seq = NULL, "
        "expires_at = now() - interval '1 day' WHERE id = '" +
        id(0x100 * bob) + "'"
    );
    expect_found_by_database(9, "a hold that ran out is still held");
}

TEST_F(AuditTest, ReadsNoLineThatIsCutShort) {
    save_log();
    std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 1);
    EXPECT_THROW(look_at_saved_log(), std::runtime_error);
}

TEST_F(AuditTest, ProvesNothingByAnEmptyLog) {
    log_.clear();
    const AuditReport report = look();
    ASSERT_EQ(report.skipped.size(), 4u);
    EXPECT_EQ(report.skipped[0].why, "the log of the crowd is empty");
}

TEST_F(AuditTest, NamesTheLineItCannotRead) {
    save_log();
    std::ofstream(path_, std::ios::app) << "nonsense\n";
    try {
        look_at_saved_log();
        FAIL() << "it read nonsense";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find(":10: 1 columns"), std::string::npos)
            << error.what();
    }
}

}  // namespace
}  // namespace cli
