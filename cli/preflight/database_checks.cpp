#include "cli/preflight/database_checks.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "cli/preflight/built_with.hpp"
#include "cli/preflight/clock_skew.hpp"
#include "cli/preflight/database_facts.hpp"
#include "cli/preflight/database_judgement.hpp"
#include "cli/preflight/latency.hpp"
#include "cli/preflight/our_clock.hpp"
#include "postgres/migrate.hpp"

namespace cli::preflight {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds connect_time{5000};
constexpr milliseconds statement_time{5000};
constexpr milliseconds df_time{10000};
constexpr int clock_looks = 5;
constexpr int pods_unless_told = 2;

/// A batch of purchases is one commit; its timeout is 1500 ms.
constexpr LatencyLimits commit_limits{20, 100, 250, 1000};

constexpr const char* ask_again = "see the error; then run preflight again";

net::awaitable<Judgement> reach(postgres::Pool& pool, net::Deadline deadline) {
    const auto connection = co_await pool.acquire(deadline);
    co_return ok(connection->is_open() ? "answers" : "closed");
}

net::awaitable<Judgement> read_version(
    postgres::Pool& pool, ServerFacts& server, net::Deadline deadline
) {
    server = co_await read_server(pool, deadline);
    co_return judge_version(server.version_number, server.version);
}

struct RoomSchema {
    std::string room;
    std::string schema;
    int built_with;
};

std::vector<RoomSchema> room_schemas() {
    const BuiltWith versions = built_with();
    return {
        {"auth", "auth", versions.auth},
        {"product", "product", versions.product},
        {"order", "orders", versions.orders},
        {"payment", "sandbox", versions.sandbox},
    };
}

net::awaitable<Judgement> look_at_schemas(
    postgres::Pool& pool, std::string migrations, net::Deadline deadline
) {
    std::vector<SchemaFacts> schemas;
    const std::vector<RoomSchema> rooms = room_schemas();
    for (const RoomSchema& room : rooms) {
        SchemaFacts facts;
        facts.schema = room.schema;
        facts.needed = room.built_with;
        if (!migrations.empty()) {
            const auto folder = std::filesystem::path(migrations) / room.room / "migrations";
            const auto steps = postgres::read_migrations(folder.string());
            facts.needed = steps.empty() ? 0 : steps.back().version;
        }
        facts.version = co_await postgres::schema_version(pool, room.schema, deadline);
        schemas.push_back(std::move(facts));
    }
    co_return judge_schemas(schemas);
}

net::awaitable<Judgement> look_at_tables(postgres::Pool& pool, net::Deadline deadline) {
    const auto facts = co_await read_tables(pool, deadline);
    co_return judge_tables(facts);
}

net::awaitable<Judgement> look_at_connections(
    postgres::Pool& pool, const Settings& settings, ServerFacts server, net::Deadline deadline
) {
    ConnectionFacts facts;
    facts.connections_max = server.connections_max;
    facts.reserved = server.connections_reserved;
    facts.now = co_await read_connections(pool, deadline);
    std::map<std::string, int> pods;
    for (const RoomAddress& room : settings.rooms) ++pods[room.room];
    for (const auto& [room, count] : settings.pods_wanted) {
        pods[room] = std::max(pods[room], count);
    }
    for (const RoomPool& pool_of_room : settings.room_pools) {
        pods.emplace(pool_of_room.room, pods_unless_told);
    }
    co_return judge_connections(
        facts, settings.room_pools, pods, settings.options.connections_needed
    );
}

net::awaitable<Judgement> look_at_transactions(
    postgres::Pool& pool, bool sees_everybody, net::Deadline deadline
) {
    const auto open = co_await read_transactions(pool, deadline);
    co_return judge_transactions(open, sees_everybody);
}

net::awaitable<Judgement> look_at_disk(
    postgres::Pool& pool, bool is_superuser, std::int64_t free_mib_min, net::Deadline deadline
) {
    const char* const by_hand =
        "look with df at the server's data folder, or give a superuser's "
        "DATABASE_ADMIN_URL";
    if (!is_superuser) co_return warning("not checked: this login is no superuser", by_hand);
    std::string why;
    std::vector<std::string> lines;
    try {
        lines = co_await read_df(pool, deadline);
    } catch (const postgres::Error& error) {
        why = error.what();
    }
    if (!why.empty()) co_return warning("not checked: " + why, by_hand);
    co_return judge_disk(parse_df(lines), free_mib_min);
}

net::awaitable<Judgement> look_at_commits(postgres::Pool& pool, net::Deadline deadline) {
    const auto times_ms = co_await time_commits_ms(pool, deadline);
    co_return judge_latency(
        "commits",
        times_ms,
        commit_limits,
        "each batch of purchases waits for one: put data and WAL on a faster volume, and end what "
        "else writes to it"
    );
}

net::awaitable<Judgement> look_at_clock(postgres::Pool& pool, net::Deadline deadline) {
    std::optional<ClockOffset> offset;
    for (int look = 0; look < clock_looks; ++look) {
        const double asked_at = our_clock_ms();
        const double shown = co_await read_clock_ms(pool, deadline);
        const auto seen = ClockOffset::of(shown, 0, asked_at, our_clock_ms());
        offset = offset ? offset->with(seen) : seen;
    }
    co_return judge_clock(*offset);
}

net::awaitable<Judgement> look_at_replication(postgres::Pool& pool, net::Deadline deadline) {
    const auto facts = co_await read_replication(pool, deadline);
    co_return judge_replication(facts);
}

net::awaitable<Judgement> look_at_archive(postgres::Pool& pool, net::Deadline deadline) {
    const auto facts = co_await read_archive(pool, deadline);
    co_return judge_archive(facts);
}

net::awaitable<Judgement> look_at_logins(
    postgres::Pool& pool, bool is_superuser, net::Deadline deadline
) {
    if (!is_superuser) {
        co_return warning(
            "not checked: this login is no superuser", "give a superuser's DATABASE_ADMIN_URL"
        );
    }
    const auto facts = co_await read_logins(pool, deadline);
    std::vector<std::string> guessable;
    for (const LoginFacts::Verifier& login : facts.verifiers) {
        bool is_known = is_scram_password(login.verifier, login.role);
        for (const std::string& password : well_known_passwords()) {
            is_known = is_known || is_scram_password(login.verifier, password);
        }
        if (is_known) guessable.push_back(login.role);
    }
    co_return judge_logins(facts.open_doors, guessable);
}

void judge_server(Checks& checks, const ServerFacts& server) {
    checks.add(
        "takes writes", judge_takes_writes(server.in_recovery, server.read_only, server.overrides)
    );
    checks.add("fsync", judge_switch("fsync", server.fsync, "a crash loses or spoils everything"));
    checks.add(
        "full_page_writes",
        judge_switch("full_page_writes", server.full_page_writes, "a crash may spoil pages")
    );
    checks.add(
        "synchronous_commit", judge_synchronous_commit(server.synchronous_commit, server.overrides)
    );
    checks.add(
        "autovacuum",
        judge_switch("autovacuum", server.autovacuum, "a sale's row grows without end")
    );
}

}  // namespace

net::awaitable<void> check_database(
    Checks& checks, const Settings& settings, postgres::Pool& pool
) {
    checks.set_area("PostgreSQL");
    const bool is_there = co_await checks.run(
        "reachable",
        reach(pool, checks.deadline_in(connect_time)),
        "start it, and check DATABASE_ADMIN_URL; all else about it could not be looked at"
    );
    if (!is_there) co_return;
    const auto soon = [&] { return checks.deadline_in(statement_time); };
    ServerFacts server;
    co_await checks.run("version", read_version(pool, server, soon()), ask_again);
    if (server.version.empty()) co_return;
    judge_server(checks, server);
    co_await checks.run("tables", look_at_tables(pool, soon()), ask_again);
    co_await checks.run(
        "schemas",
        look_at_schemas(pool, settings.options.migrations, soon()),
        "doorbuster migrate; --migrations names the folder that holds the rooms' folders"
    );
    co_await checks.run(
        "connections", look_at_connections(pool, settings, server, soon()), ask_again
    );
    co_await checks.run(
        "transactions", look_at_transactions(pool, server.sees_everybody, soon()), ask_again
    );
    co_await checks.run(
        "disk",
        look_at_disk(
            pool, server.is_superuser, settings.options.disk_free_mib, checks.deadline_in(df_time)
        ),
        ask_again
    );
    co_await checks.run("commit time", look_at_commits(pool, soon()), ask_again);
    co_await checks.run("clock", look_at_clock(pool, soon()), ask_again);
    co_await checks.run("standbys", look_at_replication(pool, soon()), ask_again);
    co_await checks.run("WAL archive", look_at_archive(pool, soon()), ask_again);
    co_await checks.run("logins", look_at_logins(pool, server.is_superuser, soon()), ask_again);
}

}  // namespace cli::preflight
