#include "postgres/migrate.hpp"

#include <filesystem>
#include <fstream>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include "testing/run_on_loop.hpp"
#include "testing/temporary_postgres.hpp"

namespace postgres {
namespace {

net::Deadline soon() {
    return net::deadline_in(std::chrono::seconds(20));
}

class PostgresMigrate : public ::testing::Test {
  protected:
    PostgresMigrate() {
        settings_.url = ::testing::make_database("migrate");
        pool_ = std::make_unique<Pool>(loop_.get_executor(), settings_, nullptr);
    }

    MigrationOutcome migrate_to(const std::vector<Migration>& migrations) {
        const auto connection = ::testing::run_on_loop(loop_, pool_->acquire(soon()));
        return ::testing::run_on_loop(loop_, migrate(*connection, "shop", migrations, soon()));
    }

    int version() { return ::testing::run_on_loop(loop_, schema_version(*pool_, "shop", soon())); }

    net::asio::io_context loop_;
    PoolSettings settings_;
    std::unique_ptr<Pool> pool_;
};

const Migration first{1, "first", "CREATE TABLE shop.item (id integer);"};
const Migration second{2, "second", "ALTER TABLE shop.item ADD name text; SELECT 1;"};

TEST_F(PostgresMigrate, AppliesWhatIsMissing) {
    EXPECT_EQ(version(), 0);
    const auto outcome = migrate_to({first});
    EXPECT_EQ(outcome.from, 0);
    EXPECT_EQ(outcome.to, 1);
    EXPECT_EQ(version(), 1);
    const auto more = migrate_to({first, second});
    EXPECT_EQ(more.from, 1);
    EXPECT_EQ(more.to, 2);
    const auto again = migrate_to({first, second});
    EXPECT_EQ(again.from, 2);
    EXPECT_EQ(again.to, 2);
    const auto older = migrate_to({first});
    EXPECT_EQ(older.to, 2) << "a newer schema is left alone";
}

TEST_F(PostgresMigrate, RefusesAChangedStep) {
    migrate_to({first, second});
    auto changed = first;
    changed.sql += " -- later thought";
    EXPECT_THROW(migrate_to({changed, second}), std::runtime_error);
    EXPECT_EQ(migrate_to({first, second}).to, 2) << "the lock was given back";
}

TEST_F(PostgresMigrate, AFailingStepLeavesNothing) {
    const Migration broken{2, "broken", "CREATE TABLE shop.other (id integer); SELECT 1 / 0;"};
    EXPECT_THROW(migrate_to({first, broken}), Error);
    EXPECT_EQ(version(), 1);
    const auto found = ::testing::run_on_loop(
        loop_, pool_->query({"find", "SELECT to_regclass('shop.other') IS NULL"}, {}, soon())
    );
    EXPECT_TRUE(found.boolean(0, 0));
    EXPECT_EQ(migrate_to({first, second}).to, 2);
}

TEST_F(PostgresMigrate, SeveralAtOnceAreHarmless) {
    const auto one = ::testing::run_on_loop(loop_, pool_->acquire(soon()));
    const auto two = ::testing::run_on_loop(loop_, pool_->acquire(soon()));
    const std::vector<Migration> steps{
        {1, "slow", "CREATE TABLE shop.item (id integer); SELECT pg_sleep(0.3);"}, second
    };
    const std::string schema = "shop";
    std::vector<MigrationOutcome> outcomes;
    for (const auto& connection : {one, two}) {
        net::asio::co_spawn(
            loop_,
            migrate(*connection, schema, steps, soon()),
            [&](std::exception_ptr error, MigrationOutcome outcome) {
                EXPECT_FALSE(error);
                outcomes.push_back(outcome);
            }
        );
    }
    loop_.restart();
    while (outcomes.size() < 2) loop_.run_one();
    EXPECT_EQ(outcomes[0].from, 0);
    EXPECT_EQ(outcomes[0].to, 2);
    EXPECT_EQ(outcomes[1].from, 2);
    EXPECT_EQ(outcomes[1].to, 2);
}

TEST_F(PostgresMigrate, GivesTheServersLimitsBack) {
    const auto connection = ::testing::run_on_loop(loop_, pool_->acquire(soon()));
    ::testing::run_on_loop(loop_, migrate(*connection, "shop", {first}, soon()));
    const auto row = ::testing::run_on_loop(
        loop_,
        connection->query({"limits", "SELECT current_setting('statement_timeout')"}, {}, soon())
    );
    EXPECT_EQ(row.text(0, 0), "5s");
}

TEST_F(PostgresMigrate, RefusesAStrangeSchemaName) {
    const auto connection = ::testing::run_on_loop(loop_, pool_->acquire(soon()));
    EXPECT_THROW(
        ::testing::run_on_loop(loop_, migrate(*connection, "a; DROP", {first}, soon())),
        std::invalid_argument
    );
}

class ReadMigrations : public ::testing::Test {
  protected:
    ReadMigrations() {
        std::string path = "/tmp/doorbuster-migrations-XXXXXX";
        folder_ = ::mkdtemp(path.data());
    }
    ~ReadMigrations() override { std::filesystem::remove_all(folder_); }

    void write(const std::string& name, const std::string& text) {
        std::ofstream(folder_ / name) << text;
    }

    std::filesystem::path folder_;
};

TEST_F(ReadMigrations, ReadsThemInOrder) {
    write("0002_more_items.sql", "SELECT 2;");
    write("0001_items.sql", "SELECT 1;");
    write("README.md", "not a step");
    const auto steps = read_migrations(folder_.string());
    ASSERT_EQ(steps.size(), 2u);
    EXPECT_EQ(steps[0].version, 1);
    EXPECT_EQ(steps[0].name, "items");
    EXPECT_EQ(steps[1].name, "more_items");
    EXPECT_EQ(steps[1].sql, "SELECT 2;");
}

TEST_F(ReadMigrations, RefusesGapsDuplicatesAndStrangeNames) {
    EXPECT_THROW(read_migrations((folder_ / "absent").string()), std::runtime_error);
    write("0002_late.sql", "SELECT 2;");
    EXPECT_THROW(read_migrations(folder_.string()), std::runtime_error);
    write("0001_a.sql", "SELECT 1;");
    EXPECT_NO_THROW(read_migrations(folder_.string()));
    write("0001_b.sql", "SELECT 1;");
    EXPECT_THROW(read_migrations(folder_.string()), std::runtime_error);
    std::filesystem::remove(folder_ / "0001_b.sql");
    write("3_c.sql", "SELECT 1;");
    EXPECT_THROW(read_migrations(folder_.string()), std::runtime_error);
}

}  // namespace
}  // namespace postgres
