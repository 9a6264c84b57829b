// Books that stopped adding up, planted in product's own schema on a real server: each is found,
// and set right in a way that holds.

#include "cli/stock/stock_books.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cli/accounts.hpp"
#include "cli/command.hpp"
#include "postgres/migrate.hpp"
#include "testing/temporary_postgres.hpp"

namespace cli {
namespace {

net::Deadline soon() {
    return net::deadline_in(std::chrono::seconds(30));
}

class Books : public ::testing::Test {
  protected:
    Books() {
        do_sql(
            "DO $$ BEGIN CREATE ROLE product LOGIN; CREATE ROLE auditor LOGIN;"
            " EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        );
        const auto connection = run(loop_, pool_.acquire(soon()));
        const auto steps =
            postgres::read_migrations(DOORBUSTER_SERVICES_FOLDER "/product/migrations");
        run(loop_, postgres::migrate(*connection, "product", steps, soon()));
    }

    void do_sql(const std::string& sql) {
        const auto connection = run(loop_, pool_.acquire(soon()));
        run(loop_, connection->run(sql, soon()));
    }

    /// 100 at first, 20 more, 30 set aside, of which 10 were sold, then 5 set aside: 110 and 5.
    base::Uuid make_product() {
        const base::Uuid id = ids_.next(1);
        const std::string product = id.to_string();
        const std::string sale = ids_.next(1).to_string();
        open_ = ids_.next(1).to_string();
        do_sql(fmt::format(
            "SELECT product.create_product_v1('{0}', 'lamp', '', 'light', 1999, 'EUR', '', 100, "
            "'t',"
            " NULL);"
            "SELECT product.restock_v2('{0}', 20, 'delivery', 't', '{0}');"
            "SELECT product.reserve_v2('{1}', 'flash_sale', ARRAY['{0}']::uuid[], ARRAY[30], NULL,"
            " 't');"
            "SELECT product.settle_v2('{1}', ARRAY['{0}']::uuid[], ARRAY[10], 't');"
            "SELECT product.reserve_v2('{2}', 'order', ARRAY['{0}']::uuid[], ARRAY[5], 60000, 't')",
            product,
            sale,
            open_
        ));
        return id;
    }

    std::vector<StockDifference> differences() {
        return run(loop_, read_differences(pool_, std::nullopt));
    }

    std::string outcome_of(const base::Uuid& id, const std::string& trust = "") {
        return run(loop_, correct_stock(pool_, id, trust, "test")).outcome;
    }

    /// "stock/reserved" of the row.
    std::string level(const base::Uuid& id) {
        const auto line = run(loop_, read_stock(pool_, id, 1)).at(0);
        return fmt::format("{}/{}", line.stock, line.reserved);
    }

    /// One difference, of that product; set right as proposed it stays right.
    void expect_mended(
        const base::Uuid& id, const std::string& finding, const std::string& level_after
    ) {
        const auto found = differences();
        ASSERT_EQ(found.size(), 1u);
        EXPECT_EQ(found[0].product_id, id);
        EXPECT_EQ(found[0].finding, finding);
        EXPECT_EQ(outcome_of(id), "corrected");
        EXPECT_EQ(level(id), level_after);
        EXPECT_TRUE(differences().empty());
        EXPECT_EQ(outcome_of(id), "in_balance");
        const auto newest = run(loop_, read_history(pool_, id, 1)).at(0);
        EXPECT_EQ(newest.kind, "correction");
        EXPECT_EQ(newest.reason.substr(0, 5), "test ");
        // And the shop goes on from there.
        do_sql(fmt::format(
            "SELECT product.restock_v2('{}', 1, NULL, 't', '{}')",
            id.to_string(),
            ids_.next(1).to_string()
        ));
        EXPECT_TRUE(differences().empty());
    }

    net::asio::io_context loop_{1};
    std::string url_ = ::testing::make_database("books");
    postgres::Pool pool_{loop_.get_executor(), database_settings(url_), nullptr};
    base::UuidGenerator ids_;
    std::string open_;
};

TEST_F(Books, AreInBalanceWhateverTheShopDid) {
    const auto id = make_product();
    EXPECT_EQ(level(id), "110/5");
    EXPECT_TRUE(differences().empty());
    EXPECT_EQ(outcome_of(id), "in_balance");
}

TEST_F(Books, HistoryTellsWhoMovedWhatAndWhy) {
    const auto id = make_product();
    const auto history = run(loop_, read_history(pool_, id, 10));
    std::string told;
    for (const auto& one : history) {
        told += fmt::format(
            "{} {:+} {:+} {}/{} {}; ",
            one.kind,
            one.stock_change,
            one.reserved_change,
            one.stock_after,
            one.reserved_after,
            one.reason
        );
    }
    EXPECT_EQ(
        told,
        "reserve +0 +5 110/5 ; release +0 -20 110/0 ; settle_sold -10 -10 110/20 ; "
        "reserve +0 +30 120/30 ; restock +20 +0 120/0 delivery; initial +100 +0 100/0 ; "
    );
    EXPECT_EQ(history[0].cause->to_string(), open_);
    EXPECT_EQ(run(loop_, read_history(pool_, id, 2)).size(), 2u);
    const auto open = run(loop_, read_open_reservations(pool_, id, 10));
    ASSERT_EQ(open.size(), 1u);
    EXPECT_EQ(open[0].quantity, 5);
    EXPECT_TRUE(open[0].expires_at_ms.has_value());
}

TEST_F(Books, ARowChangedByHandFollowsTheLedger) {
    const auto id = make_product();
    do_sql("UPDATE product.products SET stock = 77");
    expect_mended(id, "the row was changed past the ledger", "110/5");
}

TEST_F(Books, ARowChangedByHandFollowsTheLedgerThoughTheShopWentOn) {
    const auto id = make_product();
    do_sql("UPDATE product.products SET stock = 77");
    do_sql(fmt::format(
        "SELECT product.reserve_v2('{}', 'order', ARRAY['{}']::uuid[], ARRAY[1], 60000, 't')",
        ids_.next(1).to_string(),
        id.to_string()
    ));
    expect_mended(id, "the row was changed past the ledger", "110/6");
}

TEST_F(Books, WhatWasCountedIsWhatIsOnRecordFromThenOn) {
    const auto id = make_product();
    do_sql("UPDATE product.products SET stock = 77");
    EXPECT_EQ(outcome_of(id, "row"), "corrected");
    const auto restock = [&](int units) {
        do_sql(fmt::format(
            "SELECT product.restock_v2('{}', {}, NULL, 't', '{}')",
            id.to_string(),
            units,
            ids_.next(1).to_string()
        ));
    };
    restock(3);
    do_sql("UPDATE product.products SET stock = 50");
    restock(4);
    expect_mended(id, "the row was changed past the ledger", "84/5");
}

TEST_F(Books, UnitsSetAsideForNobodyAreFreeAgain) {
    const auto id = make_product();
    do_sql("UPDATE product.products SET reserved = 50");
    expect_mended(id, "reserved differs", "110/5");
}

TEST_F(Books, AReservationThatWasDeletedHoldsNothing) {
    const auto id = make_product();
    do_sql(
        "DELETE FROM product.reservation_lines WHERE reservation_id = '" + open_ +
        "'; DELETE FROM product.reservations WHERE id = '" + open_ + "'"
    );
    expect_mended(id, "reserved differs", "110/0");
}

TEST_F(Books, AReservationThatWasClosedByHandHoldsNothing) {
    const auto id = make_product();
    do_sql(
        "UPDATE product.reservations SET state = 'released', closed_at = now() WHERE state = 'open'"
    );
    expect_mended(id, "reserved differs", "110/0");
}

TEST_F(Books, ALedgerThatLostARowFollowsTheStock) {
    const auto id = make_product();
    do_sql("DELETE FROM product.stock_ledger WHERE kind = 'restock'");
    expect_mended(id, "the ledger lacks movements", "110/5");
}

TEST_F(Books, ALedgerWithoutItsFirstRowIsNotBelieved) {
    const auto id = make_product();
    do_sql("DELETE FROM product.stock_ledger WHERE kind = 'initial'");
    const auto found = differences();
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].finding, "the ledger lacks its first row");
    EXPECT_EQ(outcome_of(id), "undecided");
    EXPECT_EQ(outcome_of(id, "row"), "corrected");
    EXPECT_EQ(level(id), "110/5");
    EXPECT_TRUE(differences().empty());
}

TEST_F(Books, ATruncatedLedgerFollowsTheStock) {
    const auto id = make_product();
    do_sql("TRUNCATE product.stock_ledger");
    expect_mended(id, "the ledger has no row of it", "110/5");
}

TEST_F(Books, ALedgerThatLostItsLastRowsFollowsTheStock) {
    const auto id = make_product();
    do_sql(
        "DELETE FROM product.stock_ledger WHERE kind IN ('settle_sold', 'release') OR"
        " id = (SELECT max(id) FROM product.stock_ledger)"
    );
    expect_mended(id, "the ledger lacks movements", "110/5");
}

TEST_F(Books, WhatNobodyCanTellIsLeftUntilSomebodyDecides) {
    const auto id = make_product();
    do_sql(
        "DELETE FROM product.stock_ledger WHERE kind = 'restock';"
        "UPDATE product.products SET stock = 77"
    );
    const auto found = differences();
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].proposed_stock, std::nullopt);
    EXPECT_EQ(outcome_of(id), "undecided");
    EXPECT_EQ(level(id), "77/5") << "nothing was changed";
    EXPECT_EQ(outcome_of(id, "ledger"), "corrected");
    EXPECT_EQ(level(id), "90/5");
    EXPECT_TRUE(differences().empty());
}

TEST_F(Books, WhatIsSetAsideIsNeverMoreThanThereIs) {
    const auto id = make_product();
    do_sql(
        "UPDATE product.reservation_lines SET quantity = 500 WHERE reservation_id = '" + open_ + "'"
    );
    ASSERT_EQ(differences().size(), 1u);
    EXPECT_EQ(outcome_of(id), "below_reserved");
    EXPECT_EQ(level(id), "110/5");
}

TEST_F(Books, ArchivedProductsAreLookedAtToo) {
    const auto id = make_product();
    do_sql("UPDATE product.products SET stock = 77, archived = true");
    expect_mended(id, "the row was changed past the ledger", "110/5");
}

TEST_F(Books, EachProductIsJudgedAlone) {
    make_product();
    const auto lost = make_product();
    const auto changed = make_product();
    make_product();
    do_sql(fmt::format(
        "DELETE FROM product.stock_ledger WHERE kind = 'restock' AND product_id = '{}';"
        "UPDATE product.products SET stock = 77 WHERE id = '{}'",
        lost.to_string(),
        changed.to_string()
    ));
    const auto found = differences();
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].product_id, lost);
    EXPECT_EQ(found[0].proposed_stock, 110);
    EXPECT_EQ(found[1].product_id, changed);
    EXPECT_EQ(found[1].proposed_stock, 110);
    EXPECT_EQ(run(loop_, read_differences(pool_, changed)).size(), 1u);
}

TEST_F(Books, TheFewestFreeUnitsComeFirst) {
    make_product();
    const auto scarce = make_product();
    do_sql(fmt::format(
        "SELECT product.restock_v2('{}', -100, 'sold elsewhere', 't', 'k')", scarce.to_string()
    ));
    const auto lines = run(loop_, read_stock(pool_, std::nullopt, 10));
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0].id, scarce);
    EXPECT_EQ(lines[0].open_reservations, 1);
    EXPECT_EQ(run(loop_, read_stock(pool_, std::nullopt, 1)).size(), 1u);
}

TEST_F(Books, OnlyTheirOwnerCorrectsThem) {
    const auto id = make_product();
    std::string url = url_;
    url.replace(url.find("postgres@"), 8, "product");
    postgres::Pool room(loop_.get_executor(), database_settings(url), nullptr);
    EXPECT_THROW(run(loop_, correct_stock(room, id, "", "test")), postgres::Error);
    std::string auditors = url_;
    auditors.replace(auditors.find("postgres@"), 8, "auditor");
    postgres::Pool auditor(loop_.get_executor(), database_settings(auditors), nullptr);
    EXPECT_TRUE(run(loop_, read_differences(auditor, std::nullopt)).empty());
    EXPECT_THROW(run(loop_, correct_stock(auditor, id, "", "test")), postgres::Error);
}

TEST_F(Books, AreLookedAtWithoutReadingAllReservations) {
    const auto id = make_product();
    do_sql(fmt::format(
        "INSERT INTO product.reservations (id, purpose, state, expires_at, expires_in_ms, "
        "closed_at,"
        "       created_by)"
        " SELECT lpad(n::text, 32, '0')::uuid, 'order', 'released', now(), 1, now(), 't'"
        "   FROM generate_series(1, 20000) AS n;"
        "INSERT INTO product.reservation_lines (reservation_id, product_id, quantity)"
        " SELECT lpad(n::text, 32, '0')::uuid, '{}', 1 FROM generate_series(1, 20000) AS n;"
        "ANALYZE product.reservations, product.reservation_lines",
        id.to_string()
    ));
    auto settings = database_settings(url_);
    settings.connections_max = 1;
    postgres::Pool pool(loop_.get_executor(), settings, nullptr);
    const auto read_whole = [&] {
        run(loop_, pool.query({"flush", "SELECT pg_stat_force_next_flush()"}, {}, soon()));
        const postgres::Statement scans{
            "scans",
            "SELECT sum(seq_tup_read)::bigint FROM pg_stat_user_tables"
            " WHERE relname IN ('reservations', 'reservation_lines')"
        };
        return run(loop_, pool.query(scans, {}, soon())).integer(0, 0);
    };
    const auto before = read_whole();
    EXPECT_EQ(run(loop_, read_stock(pool, id, 1)).at(0).open_reservations, 1);
    EXPECT_EQ(run(loop_, read_stock(pool, std::nullopt, 10)).at(0).open_reservations, 1);
    EXPECT_EQ(run(loop_, read_open_reservations(pool, id, 10)).size(), 1u);
    EXPECT_TRUE(run(loop_, read_differences(pool, id)).empty());
    EXPECT_TRUE(run(loop_, read_differences(pool, std::nullopt)).empty());
    EXPECT_EQ(read_whole(), before);
}

}  // namespace
}  // namespace cli
