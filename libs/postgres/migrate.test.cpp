#include "postgres/migrate.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include "net/event.hpp"
#include "postgres/apply_migration.hpp"
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

    MigrationOutcome migrate_to(
        const std::vector<Migration>& migrations,
        MigrateLimits limits = {},
        net::Deadline deadline = soon()
    ) {
        const auto connection = ::testing::run_on_loop(loop_, pool_->acquire(soon()));
        return ::testing::run_on_loop(
            loop_, migrate(*connection, "shop", migrations, deadline, limits)
        );
    }

    /// What a migration says that is blocked; empty if it isn't.
    std::string blocked_by(
        const std::vector<Migration>& migrations,
        MigrateLimits limits,
        net::Deadline deadline = soon()
    ) {
        std::string said;
        try {
            migrate_to(migrations, limits, deadline);
        } catch (const MigrationBlocked& error) {
            said = error.what();
        }
        return said;
    }

    /// A session that goes on with what it did.
    std::shared_ptr<Connection> busy_with(const std::string& sql) {
        auto connection = ::testing::run_on_loop(loop_, pool_->acquire(soon()));
        ::testing::run_on_loop(loop_, connection->run("BEGIN; " + sql, soon()));
        return connection;
    }

    void run(std::string_view sql) {
        const auto connection = ::testing::run_on_loop(loop_, pool_->acquire(soon()));
        ::testing::run_on_loop(loop_, connection->run(sql, soon()));
    }

    /// A session that has looked at the table and keeps its transaction open.
    std::shared_ptr<Connection> reader_of_items() {
        return busy_with("SELECT count(*) FROM shop.item");
    }

    bool autovacuum_is_at_work() {
        const Statement workers{
            "autovacuum_workers",
            "SELECT EXISTS (SELECT FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)"
            " WHERE l.relation = 'shop.item'::regclass AND l.granted"
            "   AND a.backend_type = 'autovacuum worker'"
            "   AND a.xact_start < clock_timestamp() - interval '200 milliseconds')"
        };
        return ::testing::run_on_loop(loop_, pool_->query(workers, {}, soon())).boolean(0, 0);
    }

    /// A real one, so slow that it would be there for minutes.
    void begin_long_autovacuum() {
        run("ALTER SYSTEM SET autovacuum_naptime = '1s'");
        run("SELECT pg_reload_conf()");
        run("ALTER TABLE shop.item SET (autovacuum_vacuum_threshold = 1,"
            " autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 100,"
            " autovacuum_vacuum_cost_limit = 1)");
        run("INSERT INTO shop.item SELECT generate_series(1, 100000)");
        run("DELETE FROM shop.item WHERE id % 2 = 0");
        const auto end = soon();
        while (!autovacuum_is_at_work()) {
            ASSERT_LT(net::SteadyClock::now(), end) << "autovacuum doesn't come";
            ::testing::run_on_loop(loop_, net::sleep_for(std::chrono::milliseconds(100)));
        }
        run("ALTER SYSTEM RESET autovacuum_naptime");
        run("SELECT pg_reload_conf()");
    }

    int version() { return ::testing::run_on_loop(loop_, schema_version(*pool_, "shop", soon())); }

    /// Two migrators at once; both succeed.
    std::vector<MigrationOutcome> migrate_twice_at_once(const std::vector<Migration>& steps) {
        const auto one = ::testing::run_on_loop(loop_, pool_->acquire(soon()));
        const auto two = ::testing::run_on_loop(loop_, pool_->acquire(soon()));
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
        return outcomes;
    }

    bool has_whole_index(const std::string& name) {
        Parameters parameters;
        parameters.text(name);
        const Statement whole{
            "whole_index",
            "SELECT coalesce(bool_and(indisvalid), false) FROM pg_index"
            " WHERE indexrelid = to_regclass($1)"
        };
        return ::testing::run_on_loop(loop_, pool_->query(whole, parameters, soon())).boolean(0, 0);
    }

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
    const auto outcomes = migrate_twice_at_once(
        {{1, "slow", "CREATE TABLE shop.item (id integer); SELECT pg_sleep(0.3);"},
         second,
         // Waits for whoever keeps a view of the database: also for one that waits to migrate?
         {3, "index", "-- no-transaction\nCREATE INDEX CONCURRENTLY item_id ON shop.item (id);\n"}}
    );
    EXPECT_EQ(outcomes[0].from, 0);
    EXPECT_EQ(outcomes[0].to, 3);
    EXPECT_EQ(outcomes[1].from, 3);
    EXPECT_EQ(outcomes[1].to, 3);
    EXPECT_TRUE(has_whole_index("shop.item_id"));
}

constexpr MigrateLimits impatient{
    .lock_timeout_ms = 100,
    .autovacuum_lock_timeout_ms = 100,
    .concurrent_lock_timeout_ms = 100,
    .attempts_max = 3,
    .retry_first_ms = 10,
    .retry_most_ms = 20
};

TEST_F(PostgresMigrate, GivesUpAndSaysWhoIsInTheWay) {
    migrate_to({first});
    auto reader = reader_of_items();
    const std::string said = blocked_by({first, second}, impatient);
    const std::string pid = std::to_string(reader->backend_pid());
    for (const std::string& part :
         {std::string("step 2 (second)"),
          std::string("in 3 attempts"),
          "process " + pid + " (role postgres",
          std::string("idle in transaction"),
          std::string("pg_terminate_backend")}) {
        EXPECT_NE(said.find(part), std::string::npos) << part << " in: " << said;
    }
    EXPECT_EQ(version(), 1) << "what came before it stays";
    ::testing::run_on_loop(loop_, reader->run("ROLLBACK", soon()));
    EXPECT_EQ(migrate_to({first, second}, impatient).to, 2);
}

TEST_F(PostgresMigrate, TriesAgainUntilTheLocksAreFree) {
    migrate_to({first});
    auto reader = reader_of_items();
    net::asio::steady_timer leaves(loop_, std::chrono::milliseconds(400));
    leaves.async_wait([&reader](boost::system::error_code) {
        reader.reset();  // in the middle of a transaction: the pool closes it
    });
    MigrateLimits patient = impatient;
    patient.attempts_max = 100;
    EXPECT_EQ(migrate_to({first, second}, patient).to, 2);
    EXPECT_FALSE(reader);
}

net::awaitable<std::chrono::milliseconds> longest_read(Pool& pool, const bool& is_over) {
    const Statement read{"read_items", "SELECT count(*) FROM shop.item"};
    std::chrono::milliseconds longest{0};
    while (!is_over) {
        const auto began = net::SteadyClock::now();
        co_await pool.query(read, {}, soon());
        longest = std::max(
            longest,
            std::chrono::duration_cast<std::chrono::milliseconds>(net::SteadyClock::now() - began)
        );
    }
    co_return longest;
}

TEST_F(PostgresMigrate, NobodyWaitsLongBehindAStepThatWaits) {
    // No limit but that of the step bounds a wait here, neither of who reads nor of who migrates.
    settings_.lock_timeout_ms = settings_.statement_timeout_ms = 0;
    pool_ = std::make_unique<Pool>(loop_.get_executor(), settings_, nullptr);
    migrate_to({first});
    const auto reader = reader_of_items();
    bool is_over = false;
    std::optional<std::chrono::milliseconds> longest;
    net::asio::co_spawn(
        loop_,
        longest_read(*pool_, is_over),
        [&longest](std::exception_ptr error, std::chrono::milliseconds found) {
            EXPECT_FALSE(error);
            longest = found;
        }
    );
    MigrateLimits limits = impatient;
    limits.attempts_max = 20;
    EXPECT_THROW(migrate_to({first, second}, limits), MigrationBlocked);
    is_over = true;
    while (!longest) loop_.run_one();
    // 100 ms, and what else the machine does. Without a bound it waits as long as the step, which
    // the reader holds up for all of its 20 s.
    EXPECT_LT(*longest, std::chrono::seconds(7));
}

TEST(LockTimeout, IsLongerWhereAutovacuumIsInTheWay) {
    const MigrateLimits limits;
    const LockHolders session{"process 1", false, true};
    const LockHolders autovacuum{"process 2", true, false};
    const LockHolders both{"process 1, process 2", true, true};
    const std::int64_t usual_ms = limits.lock_timeout_ms;
    EXPECT_EQ(next_lock_timeout_ms({}, usual_ms, limits), usual_ms);
    EXPECT_EQ(next_lock_timeout_ms(session, usual_ms, limits), usual_ms);
    const auto longer_ms = next_lock_timeout_ms(autovacuum, usual_ms, limits);
    EXPECT_GT(longer_ms, 1000) << "PostgreSQL's deadlock_timeout unless set otherwise";
    EXPECT_EQ(next_lock_timeout_ms(both, usual_ms, limits), longer_ms);
    EXPECT_EQ(next_lock_timeout_ms(autovacuum, longer_ms, limits), usual_ms)
        << "one that doesn't make way";
    MigrateLimits patient;
    patient.lock_timeout_ms = 5000;
    EXPECT_EQ(next_lock_timeout_ms(autovacuum, 5000, patient), 5000);
}

TEST(LockTimeout, ToldToEndIsNobodyButSessions) {
    const auto tells_to_end = [](const LockHolders& holders) {
        return advice_about(holders).find("pg_terminate_backend") != std::string::npos;
    };
    EXPECT_FALSE(tells_to_end({}));
    EXPECT_FALSE(tells_to_end({"process 1", true, false}));
    EXPECT_TRUE(tells_to_end({"process 1", false, true}));
    const std::string both = advice_about({"process 1, process 2", true, true});
    EXPECT_NE(both.find("Leave autovacuum alone"), std::string::npos) << both;
    EXPECT_NE(both.find("the end of the others"), std::string::npos) << both;
}

TEST_F(PostgresMigrate, AutovacuumMakesWay) {
    migrate_to({first});
    begin_long_autovacuum();
    std::string said;
    try {
        migrate_to({first, second}, impatient);
    } catch (const MigrationBlocked& error) {
        said = error.what();
    }
    EXPECT_NE(said.find("(autovacuum, its transaction"), std::string::npos) << said;
    EXPECT_EQ(said.find("pg_terminate_backend"), std::string::npos) << said;
    MigrateLimits limits;
    limits.attempts_max = 3;
    EXPECT_EQ(migrate_to({first, second}, limits).to, 2);
}

TEST_F(PostgresMigrate, AnInterruptedStepWithoutTransactionGoesOn) {
    migrate_to({first});
    run("INSERT INTO shop.item VALUES (1), (2), (2)");
    const Migration indexes{
        2,
        "indexes",
        "-- no-transaction\n"
        "CREATE INDEX CONCURRENTLY item_half ON shop.item ((id / 2));\n"
        "CREATE UNIQUE INDEX CONCURRENTLY item_id ON shop.item (id);\n"
        "DROP INDEX CONCURRENTLY IF EXISTS shop.item_never_there;\n"
    };
    EXPECT_THROW(migrate_to({first, indexes}), Error) << "two items are equal";
    EXPECT_EQ(version(), 1);
    EXPECT_TRUE(has_whole_index("shop.item_half"));
    EXPECT_FALSE(has_whole_index("shop.item_id"));
    run("DELETE FROM shop.item WHERE id = 2");
    EXPECT_EQ(migrate_to({first, indexes}).to, 2);
    EXPECT_TRUE(has_whole_index("shop.item_half"));
    EXPECT_TRUE(has_whole_index("shop.item_id"));
}

const Migration index{
    2, "index", "-- no-transaction\nCREATE INDEX CONCURRENTLY item_id ON shop.item (id);\n"
};

TEST_F(PostgresMigrate, AnIndexThatWaitsForAnOldTransactionSaysSo) {
    migrate_to({first});
    const auto writer = busy_with("INSERT INTO shop.item VALUES (1)");
    const std::string said = blocked_by({first, index}, impatient);
    EXPECT_NE(said.find("process " + std::to_string(writer->backend_pid())), std::string::npos)
        << said;
    ::testing::run_on_loop(loop_, writer->run("COMMIT", soon()));
    EXPECT_EQ(migrate_to({first, index}, impatient).to, 2);
    EXPECT_TRUE(has_whole_index("shop.item_id"));
}

TEST_F(PostgresMigrate, SaysWhoIsInTheWayBeforeItsDeadline) {
    migrate_to({first});
    const auto writer = busy_with("INSERT INTO shop.item VALUES (1)");
    const auto deadline = net::deadline_in(std::chrono::seconds(3));
    const std::string said = blocked_by({first, index}, {}, deadline);
    EXPECT_LT(net::SteadyClock::now(), deadline);
    EXPECT_NE(said.find("in 1 attempt ("), std::string::npos) << said;
    EXPECT_NE(said.find("process " + std::to_string(writer->backend_pid())), std::string::npos)
        << said;
}

TEST_F(PostgresMigrate, TriesLessOftenWhereEachAttemptIsLong) {
    const Migration with_procedure{
        1,
        "first",
        first.sql + "CREATE PROCEDURE shop.fill() AS 'DELETE FROM shop.item' LANGUAGE sql;"
    };
    const Migration fill{2, "fill", "-- no-transaction\nCALL shop.fill();\n"};
    migrate_to({with_procedure});
    const auto blocker = busy_with("LOCK TABLE shop.item");
    MigrateLimits limits = impatient;
    limits.concurrent_attempts_max = 2;
    const std::string of_index = blocked_by({with_procedure, index}, limits);
    EXPECT_NE(of_index.find("in 2 attempts ("), std::string::npos) << of_index;
    const std::string of_call = blocked_by({with_procedure, fill}, limits);
    EXPECT_NE(of_call.find("in 3 attempts ("), std::string::npos) << of_call;
}

TEST_F(PostgresMigrate, GivesTheServersLimitsBack) {
    const auto connection = ::testing::run_on_loop(loop_, pool_->acquire(soon()));
    ::testing::run_on_loop(loop_, migrate(*connection, "shop", {first, index}, soon()));
    const auto row = ::testing::run_on_loop(
        loop_,
        connection->query(
            {"limits",
             "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')"},
            {},
            soon()
        )
    );
    EXPECT_EQ(row.text(0, 0), "5s");
    EXPECT_EQ(row.text(0, 1), "3s");
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
    write("0002_late.sql", "-- no-transaction\nUPDATE a.things SET b = 1;\n");
    EXPECT_THROW(read_migrations(folder_.string()), std::runtime_error);
    write("0002_late.sql", "SELECT 2;");
    write("3_c.sql", "SELECT 1;");
    EXPECT_THROW(read_migrations(folder_.string()), std::runtime_error);
}

}  // namespace
}  // namespace postgres
