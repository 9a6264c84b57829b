// The checks on real servers: a healthy one passes, each planted defect fails its own row.

#include <algorithm>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/accounts.hpp"
#include "cli/command.hpp"
#include "cli/preflight/database_checks.hpp"
#include "cli/preflight/redis_checks.hpp"
#include "postgres/migrate.hpp"
#include "testing/temporary_postgres.hpp"
#include "testing/temporary_redis.hpp"

namespace cli::preflight {
namespace {

using ::testing::HasSubstr;

net::Deadline soon() {
    return net::deadline_in(std::chrono::seconds(30));
}

Checks patient_checks() {
    return Checks(soon(), [](std::string_view) {});
}

const Judgement& find(const Checks& checks, const std::string& name) {
    for (const Finding& finding : checks.findings()) {
        if (finding.check == name) return finding.judgement;
    }
    throw std::runtime_error("there is no check " + name);
}

class PreflightPostgres : public ::testing::Test {
  protected:
    PreflightPostgres() {
        settings_.database_url = ::testing::make_database("preflight");
        settings_.options.migrations = DOORBUSTER_SERVICES_FOLDER;
        settings_.options.disk_free_mib = 1;
        pool_.emplace(loop_.get_executor(), database_settings(settings_.database_url), nullptr);
    }

    void sql(std::string_view text) {
        const auto connection = run(loop_, pool_->acquire(soon()));
        run(loop_, connection->run(text, soon()));
    }

    Checks look() {
        Checks checks = patient_checks();
        run(loop_, check_database(checks, settings_, *pool_));
        return checks;
    }

    net::asio::io_context loop_{1};
    Settings settings_;
    std::optional<postgres::Pool> pool_;
};

TEST_F(PreflightPostgres, a_sound_server_passes_and_a_new_database_lacks_its_schemas) {
    const Checks checks = look();
    for (const char* name :
         {"reachable",
          "version",
          "takes writes",
          "fsync",
          "full_page_writes",
          "synchronous_commit",
          "autovacuum",
          "tables",
          "transactions",
          "clock",
          "standbys",
          "WAL archive"}) {
        EXPECT_EQ(find(checks, name).verdict, Verdict::ok) << name << find(checks, name).found;
    }
    EXPECT_THAT(find(checks, "disk").found, HasSubstr("MiB"));
    EXPECT_THAT(find(checks, "commit time").found, HasSubstr("commits: median"));
    EXPECT_THAT(find(checks, "connections").found, HasSubstr("to be had"));
    EXPECT_EQ(find(checks, "schemas").verdict, Verdict::failed);
    EXPECT_THAT(find(checks, "schemas").found, HasSubstr("orders 0 (needs"));
}

TEST_F(PreflightPostgres, a_schema_of_this_version_passes) {
    sql("CREATE SCHEMA orders;"
        "CREATE TABLE orders.schema_migrations (version int PRIMARY KEY, name text);"
        "INSERT INTO orders.schema_migrations VALUES (999, 'later');"
        "CREATE SCHEMA auth; CREATE TABLE auth.schema_migrations AS"
        " TABLE orders.schema_migrations;"
        "CREATE SCHEMA product; CREATE TABLE product.schema_migrations AS"
        " TABLE orders.schema_migrations;"
        "CREATE SCHEMA sandbox; CREATE TABLE sandbox.schema_migrations AS"
        " TABLE orders.schema_migrations");
    EXPECT_EQ(find(look(), "schemas").verdict, Verdict::ok);
    settings_.options.migrations = "";
    EXPECT_EQ(find(look(), "schemas").verdict, Verdict::ok);
    sql("UPDATE product.schema_migrations SET version = 0");
    EXPECT_EQ(find(look(), "schemas").verdict, Verdict::failed);
}

TEST_F(PreflightPostgres, what_would_lose_orders_is_seen) {
    sql("CREATE SCHEMA orders; CREATE UNLOGGED TABLE orders.sale_orders (id int)");
    EXPECT_THAT(find(look(), "tables").found, HasSubstr("unlogged: orders.sale_orders"));
    sql("ALTER TABLE orders.sale_orders SET LOGGED;"
        "ALTER TABLE orders.sale_orders SET (autovacuum_enabled = off)");
    EXPECT_THAT(find(look(), "tables").found, HasSubstr("without autovacuum: orders.sale_orders"));
    sql("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off',"
        " current_database()); END $$");
    EXPECT_EQ(find(look(), "synchronous_commit").verdict, Verdict::failed);
    EXPECT_THAT(find(look(), "synchronous_commit").found, HasSubstr("database preflight"));
}

TEST_F(PreflightPostgres, somebody_idle_in_a_transaction_is_named) {
    const auto lazy = run(loop_, pool_->acquire(soon()));
    run(loop_, lazy->run("SET idle_in_transaction_session_timeout = 0; BEGIN", soon()));
    run(loop_, lazy->run("SELECT pg_sleep(0.1); SELECT txid_current()", soon()));
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    const Judgement judgement = find(look(), "transactions");
    EXPECT_EQ(judgement.verdict, Verdict::failed);
    EXPECT_THAT(judgement.found, HasSubstr(std::to_string(lazy->backend_pid())));
    run(loop_, lazy->run("ROLLBACK", soon()));
    EXPECT_EQ(find(look(), "transactions").verdict, Verdict::ok);
}

TEST_F(PreflightPostgres, a_guessable_password_is_found_by_its_verifier) {
    sql("DROP ROLE IF EXISTS preflight_poor; CREATE ROLE preflight_poor LOGIN PASSWORD 'changeme'");
    const Judgement poor = find(look(), "logins");
    sql("ALTER ROLE preflight_poor PASSWORD 'kq3F9sJx0vQm2LrTw8Zb'");
    const Judgement better = find(look(), "logins");
    sql("DROP ROLE preflight_poor");
    EXPECT_EQ(poor.verdict, Verdict::failed);
    EXPECT_THAT(poor.found, HasSubstr("preflight_poor"));
    EXPECT_THAT(better.found, ::testing::Not(HasSubstr("preflight_poor")));
}

TEST_F(PreflightPostgres, an_owner_who_is_no_superuser_sees_less_and_says_so) {
    sql("DROP ROLE IF EXISTS preflight_owner;"
        "CREATE ROLE preflight_owner LOGIN PASSWORD 'kq3F9sJx0vQm2LrTw8Zb'");
    const std::string url = settings_.database_url;
    settings_.database_url =
        "postgresql://preflight_owner:kq3F9sJx0vQm2LrTw8Zb" + url.substr(url.find('@'));
    pool_.emplace(loop_.get_executor(), database_settings(settings_.database_url), nullptr);
    const Checks checks = look();
    pool_.emplace(loop_.get_executor(), database_settings(url), nullptr);
    sql("DROP ROLE preflight_owner");
    for (const char* name : {"disk", "logins", "transactions"}) {
        EXPECT_EQ(find(checks, name).verdict, Verdict::warning) << name;
    }
    EXPECT_EQ(find(checks, "commit time").verdict == Verdict::failed, false);
    EXPECT_EQ(find(checks, "fsync").verdict, Verdict::ok);
}

TEST_F(PreflightPostgres, a_server_that_is_not_there_is_one_row) {
    settings_.database_url = "postgresql://a:b@127.0.0.1:1/x";
    pool_.emplace(loop_.get_executor(), database_settings(settings_.database_url), nullptr);
    const Checks checks = look();
    ASSERT_EQ(checks.findings().size(), 1U);
    EXPECT_EQ(find(checks, "reachable").verdict, Verdict::failed);
}

class PreflightRedisSet : public ::testing::Test {
  protected:
    PreflightRedisSet() {
        settings_.redis = redis_.settings();
        settings_.redis.fallback = redis_.node(0);
    }

    Checks look() {
        Checks checks = patient_checks();
        run(loop_, check_redis(checks, settings_));
        return checks;
    }

    /// The replicas and sentinels of a new set find each other in their own time.
    void wait_until_sound(const std::vector<std::string>& names) {
        const auto end = soon();
        while (net::SteadyClock::now() < end) {
            const Checks checks = look();
            const bool is_sound = std::ranges::all_of(names, [&](const std::string& name) {
                return find(checks, name).verdict == Verdict::ok;
            });
            if (is_sound) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
        FAIL() << "never sound";
    }

    ::testing::TemporaryRedis redis_{2, 3};
    net::asio::io_context loop_{1};
    Settings settings_;
};

TEST_F(PreflightRedisSet, a_sound_set_passes_and_each_loss_is_seen) {
    const std::vector<std::string> all{
        "sentinels",
        "quorum",
        "master",
        "replicas",
        "memory",
        "saving",
        "round trip",
        "clock",
        "fallback",
        "version"
    };
    wait_until_sound(all);

    settings_.redis.fallback = redis_.node(1);
    EXPECT_EQ(find(look(), "fallback").verdict, Verdict::failed);
    settings_.redis.fallback = std::nullopt;
    EXPECT_EQ(find(look(), "fallback").verdict, Verdict::warning);

    redis_.kill_node(2);
    const Checks without_replica = look();
    EXPECT_EQ(find(without_replica, "replicas").verdict, Verdict::failed);
    EXPECT_EQ(find(without_replica, "sentinels").verdict, Verdict::ok);

    redis_.kill_sentinel(0);
    const Checks without_sentinel = look();
    EXPECT_EQ(find(without_sentinel, "sentinels").verdict, Verdict::failed);
    EXPECT_EQ(find(without_sentinel, "master").verdict, Verdict::ok);

    redis_.kill_sentinel(1);
    const auto end = soon();
    // The one that is left learns of it within its down-after time.
    while (find(look(), "quorum").verdict == Verdict::ok && net::SteadyClock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    EXPECT_EQ(find(look(), "quorum").verdict, Verdict::failed);

    settings_.redis.password = "wrong";
    EXPECT_EQ(find(look(), "master").verdict, Verdict::failed);
}

}  // namespace
}  // namespace cli::preflight
