#include "postgres/apply_migration.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>

#include <fmt/format.h>

#include "logging/logging.hpp"
#include "net/backoff.hpp"
#include "net/event.hpp"
#include "postgres/loose_step.hpp"

namespace postgres {
namespace {

constexpr std::string_view lock_not_available = "55P03";
constexpr std::string_view deadlock_detected = "40P01";

constexpr Statement find_index{
    "migrations_find_index",
    "SELECT i.indisvalid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid"
    " WHERE c.relnamespace = to_regnamespace($1) AND c.relname = $2"
};

/// What one attempt works with; lives in the frame of apply_migration.
struct Step {
    Connection& connection;
    const std::string& schema;
    const Migration& migration;
    const MigrateLimits& limits;
    std::int64_t lock_timeout_ms;
    net::Deadline deadline;
};

struct Blocked {
    std::string why;             ///< what the server said
    bool is_concurrent = false;  ///< waited for an index that is built or dropped concurrently
};

/// At most half of the time that is left: the rest is for asking who is in the way.
std::int64_t within_deadline_ms(const Step& step, std::int64_t limit_ms) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        step.deadline - net::SteadyClock::now()
    );
    return std::max<std::int64_t>(std::min<std::int64_t>(limit_ms, left.count() / 2), 1);
}

net::awaitable<void> record(const Step& step) {
    const std::string name = "migrations_record_" + step.schema;
    const std::string sql = fmt::format(
        "INSERT INTO {}.schema_migrations (version, name, sha256) "
        "VALUES ($1, $2, encode(sha256(convert_to($3::text, 'UTF8')), 'hex'))",
        step.schema
    );
    const Statement insert{name, sql};
    Parameters parameters;
    parameters.int4(step.migration.version).text(step.migration.name).text(step.migration.sql);
    co_await step.connection.query(insert, parameters, step.deadline);
}

net::awaitable<void> apply_in_transaction(const Step& step) {
    const std::string begin = fmt::format(
        "BEGIN; SET LOCAL lock_timeout = {}", within_deadline_ms(step, step.lock_timeout_ms)
    );
    std::exception_ptr failure;
    try {
        co_await step.connection.run(begin, step.deadline);
        co_await step.connection.run(step.migration.sql, step.deadline);
        co_await record(step);
        co_await step.connection.run("COMMIT", step.deadline);
    } catch (...) {
        failure = std::current_exception();
    }
    if (!failure) co_return;
    if (step.connection.is_open()) co_await step.connection.run("ROLLBACK", step.deadline);
    std::rethrow_exception(failure);
}

/// Whether the index is there and whole. One that an attempt left half built is dropped.
net::awaitable<bool> has_index(const Step& step, const std::string& index) {
    Parameters parameters;
    parameters.text(step.schema).text(index);
    const Result found = co_await step.connection.query(find_index, parameters, step.deadline);
    if (found.empty()) co_return false;
    if (found.boolean(0, 0)) co_return true;
    const std::string drop = fmt::format("DROP INDEX CONCURRENTLY {}.{}", step.schema, index);
    co_await step.connection.run(drop, step.deadline);
    co_return false;
}

bool is_concurrent(const LooseStatement& statement) {
    return statement.kind != LooseStatement::Kind::call;
}

net::awaitable<void> run_loose(const Step& step, const LooseStatement& statement) {
    const std::int64_t limit_ms =
        is_concurrent(statement) ? step.limits.concurrent_lock_timeout_ms : step.lock_timeout_ms;
    const std::string limit =
        fmt::format("SET lock_timeout = {}", within_deadline_ms(step, limit_ms));
    co_await step.connection.run(limit, step.deadline);
    if (statement.kind == LooseStatement::Kind::create_index) {
        const bool is_there = co_await has_index(step, statement.index);
        if (is_there) co_return;
    }
    co_await step.connection.run(statement.sql, step.deadline);
}

/// `in_concurrent` tells, when it throws, whether that was a concurrent statement.
net::awaitable<void> apply_loosely(const Step& step, bool& in_concurrent) {
    const auto statements = loose_statements(step.migration.sql);
    std::exception_ptr failure;
    try {
        for (const LooseStatement& statement : statements) {
            in_concurrent = is_concurrent(statement);
            co_await run_loose(step, statement);
        }
        in_concurrent = false;
        co_await record(step);
    } catch (...) {
        failure = std::current_exception();
    }
    if (step.connection.is_open()) {
        co_await step.connection.run("RESET lock_timeout", step.deadline);
    }
    if (failure) std::rethrow_exception(failure);
}

/// nullopt: the step is applied.
net::awaitable<std::optional<Blocked>> attempt(const Step& step) {
    std::optional<Blocked> blocked;
    bool in_concurrent = false;
    try {
        if (is_loose_step(step.migration.sql)) {
            co_await apply_loosely(step, in_concurrent);
        } else {
            co_await apply_in_transaction(step);
        }
    } catch (const Error& error) {
        const bool by_locks =
            error.sqlstate() == lock_not_available || error.sqlstate() == deadlock_detected;
        if (!by_locks) throw;
        blocked = Blocked{error.what(), in_concurrent};
    }
    co_return blocked;
}

MigrationBlocked blocked_error(
    const Step& step, int attempts, const std::string& why, const LockHolders& holders
) {
    return MigrationBlocked(fmt::format(
        "schema {}: step {} ({}) did not get its locks in {} attempt{} ({}); what came before it "
        "is applied, and the shop goes on as it is. {} Then migrate again",
        step.schema,
        step.migration.version,
        step.migration.name,
        attempts,
        attempts == 1 ? "" : "s",
        why,
        advice_about(holders)
    ));
}

}  // namespace

std::int64_t next_lock_timeout_ms(
    const LockHolders& holders, std::int64_t last_ms, const MigrateLimits& limits
) {
    const bool has_waited_longer = last_ms > limits.lock_timeout_ms;
    if (!holders.has_autovacuum || has_waited_longer) return limits.lock_timeout_ms;
    return std::max(limits.lock_timeout_ms, limits.autovacuum_lock_timeout_ms);
}

std::string advice_about(const LockHolders& holders) {
    if (holders.text.empty()) {
        return "Nobody holds them any more: wait for a quieter moment, or give it more time.";
    }
    std::string advice = "In the way: " + holders.text + ".";
    if (holders.has_autovacuum) {
        advice +=
            " Leave autovacuum alone: it makes way for a step that waits for longer than the "
            "server's deadlock_timeout (--autovacuum-lock-timeout-ms), except where it prevents "
            "that transaction numbers run out; wait for its end then.";
    }
    if (holders.has_others) {
        advice += fmt::format(
            " Wait for the end of {}, or end them with SELECT pg_terminate_backend(PROCESS).",
            holders.has_autovacuum ? "the others" : "these"
        );
    }
    return advice;
}

net::awaitable<void> apply_migration(
    Connection& connection,
    const std::string& schema,
    const Migration& migration,
    const MigrateLimits& limits,
    net::Deadline deadline
) {
    Step step{connection, schema, migration, limits, limits.lock_timeout_ms, deadline};
    net::Backoff backoff(
        std::chrono::milliseconds(limits.retry_first_ms),
        std::chrono::milliseconds(limits.retry_most_ms),
        static_cast<std::uint64_t>(connection.backend_pid())
    );
    const bool is_loose = is_loose_step(migration.sql);
    int concurrent_attempts = 0;
    for (int attempts = 1;; ++attempts) {
        const auto began = net::SteadyClock::now();
        const auto blocked = co_await attempt(step);
        if (!blocked) co_return;
        const std::int64_t waited_ms = within_deadline_ms(step, step.lock_timeout_ms);
        const LockHolders holders =
            co_await lock_holders(connection, schema, is_loose, waited_ms, deadline);
        if (blocked->is_concurrent) ++concurrent_attempts;
        const auto now = net::SteadyClock::now();
        const auto pause = backoff.next();
        // The next attempt is taken to last as long as this one. Past the deadline nobody could be
        // asked any more who is in the way.
        if (attempts >= limits.attempts_max ||
            concurrent_attempts >= limits.concurrent_attempts_max ||
            now + pause + (now - began) >= deadline) {
            throw blocked_error(step, attempts, blocked->why, holders);
        }
        logging::warning(
            "a step of the schema waits for locks",
            {{"schema", schema},
             {"step", migration.version},
             {"attempt", attempts},
             {"in_the_way", holders.text}}
        );
        step.lock_timeout_ms = next_lock_timeout_ms(holders, step.lock_timeout_ms, limits);
        co_await net::sleep_for(pause);
    }
}

}  // namespace postgres
