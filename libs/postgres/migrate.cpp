#include "postgres/migrate.hpp"

#include <algorithm>
#include <charconv>
#include <exception>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

#include "net/event.hpp"
#include "postgres/apply_migration.hpp"
#include "postgres/loose_step.hpp"

namespace postgres {
namespace {

constexpr std::size_t digits_of_version = 4;
constexpr std::chrono::milliseconds ask_for_lock_every{100};
constexpr std::string_view undefined_table = "42P01";
constexpr std::string_view invalid_schema = "3F000";

/// Schema names go into SQL as they are, so they must be plain.
void require_plain(const std::string& schema) {
    const auto plain = [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') ||
               letter == '_';
    };
    if (schema.empty() || !std::all_of(schema.begin(), schema.end(), plain)) {
        throw std::invalid_argument("a schema's name has only a-z, 0-9 and _");
    }
}

/// A statement whose text names the schema: both strings live as long as its use.
struct SchemaStatement {
    SchemaStatement(std::string_view what, const std::string& schema, std::string text)
        : name(fmt::format("{}_{}", what, schema)), sql(std::move(text)) {}
    Statement get() const { return {name, sql}; }

    std::string name;
    std::string sql;
};

net::awaitable<void> refuse_changed(
    Connection& connection,
    const std::string& schema,
    const std::vector<Migration>& migrations,
    net::Deadline deadline
) {
    const SchemaStatement changed(
        "migrations_changed",
        schema,
        fmt::format(
            "SELECT applied.version, applied.name FROM {}.schema_migrations AS applied "
            "JOIN unnest($1::integer[], $2::text[]) AS given(version, sql) USING (version) "
            "WHERE applied.sha256 <> encode(sha256(convert_to(given.sql, 'UTF8')), 'hex') "
            "ORDER BY applied.version",
            schema
        )
    );
    std::vector<std::int32_t> versions;
    std::vector<std::string> texts;
    for (const auto& migration : migrations) {
        versions.push_back(migration.version);
        texts.push_back(migration.sql);
    }
    Parameters parameters;
    parameters.int4_array(versions).text_array(texts);
    const Result found = co_await connection.query(changed.get(), parameters, deadline);
    if (found.empty()) co_return;
    throw std::runtime_error(fmt::format(
        "schema {}: step {} ({}) was applied with another text; put the old text back and "
        "write a new step instead",
        schema,
        found.integer(0, 0),
        found.text(0, 1)
    ));
}

net::awaitable<int> newest_version(
    Connection& connection, const std::string& schema, net::Deadline deadline
) {
    const SchemaStatement newest(
        "migrations_newest",
        schema,
        fmt::format("SELECT coalesce(max(version), 0) FROM {}.schema_migrations", schema)
    );
    const Parameters nothing;
    const Result found = co_await connection.query(newest.get(), nothing, deadline);
    co_return static_cast<int>(found.integer(0, 0));
}

/// Asks again and again: a statement that waits for the lock would keep a view of the database, for
/// whose end the holder waits when it builds an index concurrently.
net::awaitable<void> lock_out_others(
    Connection& connection, const std::string& schema, net::Deadline deadline
) {
    const SchemaStatement lock(
        "migrations_lock",
        schema,
        fmt::format(
            "SELECT pg_try_advisory_lock(hashtextextended('doorbuster migrate {}', 0))", schema
        )
    );
    while (true) {
        const Parameters nothing;
        const Result locked = co_await connection.query(lock.get(), nothing, deadline);
        if (locked.boolean(0, 0)) co_return;
        if (net::SteadyClock::now() + ask_for_lock_every >= deadline) {
            throw std::runtime_error(
                fmt::format("another migration of schema {} is under way; wait for its end", schema)
            );
        }
        co_await net::sleep_for(ask_for_lock_every);
    }
}

net::awaitable<MigrationOutcome> migrate_locked(
    Connection& connection,
    const std::string& schema,
    const std::vector<Migration>& migrations,
    net::Deadline deadline,
    const MigrateLimits& limits
) {
    const std::string prepare = fmt::format(
        "CREATE SCHEMA IF NOT EXISTS {0};"
        "CREATE TABLE IF NOT EXISTS {0}.schema_migrations ("
        " version integer PRIMARY KEY CHECK (version > 0),"
        " name text NOT NULL,"
        " sha256 text NOT NULL,"
        " applied_at timestamptz NOT NULL DEFAULT clock_timestamp());",
        schema
    );
    co_await connection.run(prepare, deadline);
    co_await refuse_changed(connection, schema, migrations, deadline);
    MigrationOutcome outcome;
    outcome.from = co_await newest_version(connection, schema, deadline);
    outcome.to = outcome.from;
    for (const auto& migration : migrations) {
        if (migration.version <= outcome.from) continue;
        co_await apply_migration(connection, schema, migration, limits, deadline);
        outcome.to = migration.version;
    }
    co_return outcome;
}

Migration read_migration(const std::filesystem::path& path) {
    const std::string stem = path.stem().string();
    Migration migration;
    const auto* end = stem.data() + std::min(digits_of_version, stem.size());
    const auto parsed = std::from_chars(stem.data(), end, migration.version);
    if (stem.size() < digits_of_version + 2 || parsed.ptr != end ||
        stem[digits_of_version] != '_') {
        throw std::runtime_error(path.string() + ": a migration is called NNNN_name.sql");
    }
    migration.name = stem.substr(digits_of_version + 1);
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file || text.str().empty()) throw std::runtime_error(path.string() + ": can't be read");
    migration.sql = text.str();
    try {
        if (is_loose_step(migration.sql)) (void)loose_statements(migration.sql);
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(path.string() + ": " + error.what());
    }
    return migration;
}

}  // namespace

std::vector<Migration> read_migrations(const std::string& folder) {
    std::error_code error;
    const std::filesystem::directory_iterator entries(folder, error);
    if (error) throw std::runtime_error(folder + ": " + error.message());
    std::vector<Migration> migrations;
    for (const auto& entry : entries) {
        if (entry.path().extension() == ".sql") migrations.push_back(read_migration(entry.path()));
    }
    std::sort(
        migrations.begin(),
        migrations.end(),
        [](const Migration& left, const Migration& right) { return left.version < right.version; }
    );
    for (std::size_t index = 0; index < migrations.size(); ++index) {
        if (migrations[index].version != static_cast<int>(index) + 1) {
            throw std::runtime_error(
                fmt::format("{}: step {} is missing or there twice", folder, index + 1)
            );
        }
    }
    return migrations;
}

net::awaitable<MigrationOutcome> migrate(
    Connection& connection,
    const std::string& schema,
    const std::vector<Migration>& migrations,
    net::Deadline deadline,
    MigrateLimits limits
) {
    require_plain(schema);
    co_await lock_out_others(connection, schema, deadline);
    // A step may take long; how long it waits for locks is bounded.
    co_await connection.run("SET statement_timeout = 0", deadline);
    std::exception_ptr failure;
    MigrationOutcome outcome;
    try {
        outcome = co_await migrate_locked(connection, schema, migrations, deadline, limits);
    } catch (...) {
        failure = std::current_exception();
    }
    // A connection that broke has lost the lock by itself.
    const std::string unlock = fmt::format(
        "SELECT pg_advisory_unlock(hashtextextended('doorbuster migrate {}', 0));"
        "RESET statement_timeout",
        schema
    );
    if (connection.is_open()) co_await connection.run(unlock, deadline);
    if (failure) std::rethrow_exception(failure);
    co_return outcome;
}

net::awaitable<int> schema_version(Pool& pool, const std::string& schema, net::Deadline deadline) {
    require_plain(schema);
    const auto connection = co_await pool.acquire(deadline);
    std::exception_ptr failure;
    int version = 0;
    try {
        version = co_await newest_version(*connection, schema, deadline);
    } catch (const Error& error) {
        if (error.sqlstate() != undefined_table && error.sqlstate() != invalid_schema) {
            failure = std::current_exception();
        }
    }
    if (failure) std::rethrow_exception(failure);
    co_return version;
}

}  // namespace postgres
