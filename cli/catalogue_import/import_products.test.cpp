// Imports into product's own schema on a real server.

#include "cli/catalogue_import/import_products.hpp"

#include <functional>
#include <sstream>

#include <gtest/gtest.h>

#include "cli/accounts.hpp"
#include "cli/command.hpp"
#include "postgres/migrate.hpp"
#include "testing/temporary_postgres.hpp"

namespace cli {
namespace {

net::Deadline soon() {
    return net::deadline_in(std::chrono::seconds(60));
}

class Import : public ::testing::Test {
  protected:
    Import() {
        const auto connection = run(loop_, pool_.acquire(soon()));
        run(loop_,
            connection->run(
                "DO $$ BEGIN CREATE ROLE product LOGIN; CREATE ROLE auditor LOGIN;"
                " EXCEPTION WHEN duplicate_object THEN NULL; END $$",
                soon()
            ));
        const auto steps =
            postgres::read_migrations(DOORBUSTER_SERVICES_FOLDER "/product/migrations");
        run(loop_, postgres::migrate(*connection, "product", steps, soon()));
    }

    using At = std::function<void()>;

    /// `at_changing` is called when all is compared, before products are changed.
    ImportOutcome import(
        const std::string& csv, ImportOptions options = {}, const At& at_changing = {}
    ) {
        std::istringstream input(csv);
        const auto file = read_product_file(input, [](std::int64_t) {});
        EXPECT_TRUE(file.problems.empty());
        const auto progress = [&](std::string_view what, std::size_t, std::size_t) {
            ++told_;
            if (what == "changing" && at_changing) at_changing();
        };
        return run(loop_, import_products(pool_, file.rows, options, progress));
    }

    /// While an import of this loop stands still: as somebody else does it, without waiting long.
    void meanwhile(const std::string& sql) {
        net::asio::io_context loop{1};
        auto settings = database_settings(url_);
        settings.lock_timeout_ms = 500;
        postgres::Pool pool(loop.get_executor(), settings, nullptr);
        const auto connection = run(loop, pool.acquire(soon()));
        run(loop, connection->run(sql, soon()));
    }

    postgres::Result ask(std::string_view sql) {
        const std::string name = "ask_" + std::to_string(++asked_);
        return run(loop_, pool_.query({name, sql}, {}, soon()));
    }

    std::string products() {
        const auto rows = ask(
            "SELECT coalesce(string_agg(format('%s %s %s v%s', name, price_cents, stock, version),"
            " ', ' ORDER BY name), '') FROM product.products"
        );
        return std::string(rows.text(0, 0));
    }

    static std::string counts(const ImportOutcome& outcome) {
        return std::to_string(outcome.created) + " " + std::to_string(outcome.changed) + " " +
               std::to_string(outcome.unchanged) + " " + std::to_string(outcome.problems.total());
    }

    net::asio::io_context loop_{1};
    std::string url_ = ::testing::make_database("import");
    postgres::Pool pool_{loop_.get_executor(), database_settings(url_), nullptr};
    int told_ = 0;
    int asked_ = 0;
};

const std::string heading = "name,category,price_cents,currency,initial_stock,key\n";

TEST_F(Import, MakesProductsWithTheirStock) {
    EXPECT_EQ(counts(import(heading + "a,x,100,EUR,5,\nb,x,200,EUR,,k\n")), "2 0 0 0");
    EXPECT_EQ(products(), "a 100 5 v1, b 200 0 v1");
    const auto ledger = ask("SELECT kind, quantity, stock_after, reason FROM product.stock_ledger");
    ASSERT_EQ(ledger.rows(), 1u);
    EXPECT_EQ(ledger.text(0, 0), "initial");
    EXPECT_EQ(ledger.integer(0, 2), 5);
    EXPECT_EQ(ask("SELECT * FROM product.stock_differences_v1(NULL)").rows(), 0u);
}

TEST_F(Import, MayBeRepeated) {
    const std::string csv = heading + "a,x,100,EUR,5,\nb,x,200,EUR,1,k\n";
    import(csv);
    EXPECT_EQ(counts(import(csv)), "0 0 2 0");
    EXPECT_EQ(counts(import(csv + "c,x,1,EUR,,\n")), "1 0 2 0") << "only what is new";
    EXPECT_EQ(products(), "a 100 5 v1, b 200 1 v1, c 1 0 v1");
}

TEST_F(Import, ChangesOnlyWhenToldTo) {
    import(heading + "a,x,100,EUR,5,k1\nb,x,200,EUR,1,k2\n");
    const std::string other = heading + "a,x,150,EUR,99,k1\nb,x,200,EUR,1,k2\nc,x,1,EUR,,\n";
    const auto refused = import(other);
    EXPECT_EQ(counts(refused), "0 0 1 1");
    EXPECT_EQ(refused.problems.kept()[0].line, 2);
    EXPECT_EQ(refused.problems.kept()[0].field, "key");
    EXPECT_EQ(products(), "a 100 5 v1, b 200 1 v1") << "all or nothing";
    EXPECT_EQ(counts(import(other, {true, false})), "1 1 1 0");
    EXPECT_EQ(products(), "a 150 5 v2, b 200 1 v1, c 1 0 v1") << "never the stock";
    const auto currency = import(heading + "a,x,150,USD,,k1\n", {true, false});
    ASSERT_EQ(currency.problems.total(), 1u);
    EXPECT_EQ(currency.problems.kept()[0].field, "currency");
}

TEST_F(Import, AChangeOfSomebodyElseIsNotLost) {
    import(heading + "a,x,100,EUR,5,k1\nb,x,200,EUR,1,k2\n");
    const std::string other = heading + "b,x,250,EUR,1,k2\nc,x,1,EUR,,\na,x,150,EUR,5,k1\n";
    const auto refused = import(other, {true, false}, [this] {
        meanwhile(
            "UPDATE product.products SET price_cents = 180, version = version + 1 WHERE name = 'a'"
        );
    });
    EXPECT_EQ(counts(refused), "0 0 0 1");
    EXPECT_EQ(refused.problems.kept()[0].line, 4);
    EXPECT_NE(refused.problems.kept()[0].what.find("somebody else"), std::string::npos);
    EXPECT_EQ(products(), "a 180 5 v2, b 200 1 v1") << "all or nothing";
    EXPECT_EQ(counts(import(other, {true, false})), "1 2 0 0")
        << "whoever imports again has seen it";
    EXPECT_EQ(products(), "a 150 5 v3, b 250 1 v2, c 1 0 v1");
}

TEST_F(Import, ProductsAreFreeUntilTheyAreChanged) {
    import(heading + "a,x,100,EUR,5,k1\n");
    const auto done = import(heading + "a,x,150,EUR,5,k1\nb,x,1,EUR,,\n", {true, false}, [this] {
        meanwhile(
            "SELECT product.reserve_v2(gen_random_uuid(), 'order', ARRAY[id], ARRAY[2], 60000, 't')"
            "  FROM product.products WHERE name = 'a'"
        );
    });
    EXPECT_EQ(counts(done), "1 1 0 0") << "what is bought meanwhile is no change of the catalogue";
    EXPECT_EQ(ask("SELECT reserved FROM product.products WHERE name = 'a'").integer(0, 0), 2);
    EXPECT_EQ(ask("SELECT * FROM product.stock_differences_v1(NULL)").rows(), 0u);
}

TEST_F(Import, OfManyRefusedTheFirstAreKept) {
    std::string csv = heading;
    for (int row = 0; row < 1500; ++row) {
        csv += "thing,x,100,EUR,1,k" + std::to_string(row) + "\n";
    }
    import(csv);
    for (auto at = csv.find(",100,"); at != std::string::npos; at = csv.find(",100,", at)) {
        csv.replace(at, 5, ",200,");
    }
    const auto refused = import(csv);
    EXPECT_EQ(refused.problems.total(), 1500u);
    ASSERT_EQ(refused.problems.kept().size(), ImportProblems::kept_max);
    EXPECT_EQ(refused.problems.kept().back().line, 1001);
}

TEST_F(Import, ADryRunLeavesNothing) {
    EXPECT_EQ(counts(import(heading + "a,x,100,EUR,5,\n", {false, true})), "1 0 0 0");
    EXPECT_EQ(products(), "");
    EXPECT_EQ(ask("SELECT * FROM product.stock_ledger").rows(), 0u);
}

TEST_F(Import, RefusesToHoldUpTooManyProducts) {
    import(heading + "a,x,100,EUR,5,k1\nb,x,200,EUR,1,k2\n");
    const std::string other = heading + "a,x,150,EUR,,k1\nb,x,250,EUR,,k2\nc,x,1,EUR,,\n";
    bool was_changing = false;
    for (const bool dry_run : {true, false}) {
        std::string said;
        try {
            import(other, {true, dry_run, 1}, [&] { was_changing = true; });
        } catch (const Failure& failure) {
            said = failure.what();
        }
        EXPECT_TRUE(said.starts_with("2 products would be changed, more than 1 ")) << said;
        EXPECT_NE(said.find("--changes-max 2"), std::string::npos) << said;
    }
    EXPECT_FALSE(was_changing);
    EXPECT_EQ(products(), "a 100 5 v1, b 200 1 v1") << "all or nothing";
    EXPECT_EQ(counts(import(other, {true, false, 2})), "1 2 0 0");
}

TEST_F(Import, OneAtATime) {
    const auto connection = run(loop_, pool_.acquire(soon()));
    run(loop_, connection->run("BEGIN", soon()));
    run(loop_,
        connection->run(
            "DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtextextended('product import', 0));"
            " END $$",
            soon()
        ));
    EXPECT_THROW(import(heading + "a,x,1,EUR,,\n"), Failure);
    run(loop_, connection->run("ROLLBACK", soon()));
    EXPECT_EQ(counts(import(heading + "a,x,1,EUR,,\n")), "1 0 0 0");
}

TEST_F(Import, TakesManyRows) {
    std::string csv = heading;
    constexpr int rows = 20000;
    for (int row = 0; row < rows; ++row) {
        csv += "thing " + std::to_string(row) + ",x,100,EUR,1,k" + std::to_string(row) + "\n";
    }
    EXPECT_EQ(counts(import(csv)), "20000 0 0 0");
    EXPECT_GT(told_, 30);
    const auto counted = ask("SELECT count(*), sum(stock)::bigint FROM product.products");
    EXPECT_EQ(counted.integer(0, 0), rows);
    EXPECT_EQ(counted.integer(0, 1), rows);
    std::string changed = csv;
    for (auto at = changed.find(",100,"); at != std::string::npos; at = changed.find(",100,", at)) {
        changed.replace(at, 5, ",200,");
    }
    EXPECT_EQ(counts(import(changed, {true, false})), "0 20000 0 0");
    EXPECT_EQ(ask("SELECT 1 FROM product.products WHERE price_cents = 200").rows(), 20000u);
}

}  // namespace
}  // namespace cli
