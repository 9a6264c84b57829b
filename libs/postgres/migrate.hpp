#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace postgres {

/// One step of a room's schema. `version` ascends from 1 without gaps. Steps only expand: version
/// N-1 of the program must run on schema N.
///
/// A step whose first line is `-- no-transaction` holds nothing but CREATE [UNIQUE] INDEX
/// CONCURRENTLY, DROP INDEX CONCURRENTLY IF EXISTS and CALL (of a procedure that commits as it goes
/// and may be called again). Interrupted, it begins anew: indexes that are whole are left alone,
/// half built ones are dropped first.
struct Migration {
    int version = 0;
    std::string name;
    std::string sql;
};

/// Reads NNNN_name.sql files of a folder, in order. Throws std::runtime_error on a gap, a
/// duplicate, an unreadable file, or a `-- no-transaction` step of other statements.
std::vector<Migration> read_migrations(const std::string& folder);

/// How a step waits for locks. Whoever needs a table waits behind the step that waits for it, so a
/// step gives up soon, takes all of itself back, and tries again.
struct MigrateLimits {
    std::int64_t lock_timeout_ms = 500;
    /// The same after an attempt that autovacuum was in the way of: it is told to leave by who has
    /// waited for longer than the server's deadlock_timeout, 1 s unless set otherwise. Behind a
    /// step that validates (SHARE UPDATE EXCLUSIVE) nobody reads or writes later for it; behind one
    /// that alters a table they do, for as long as this, and never in two attempts in a row.
    std::int64_t autovacuum_lock_timeout_ms = 1500;
    /// Building an index concurrently waits for every transaction that was under way, and nobody
    /// waits behind it.
    std::int64_t concurrent_lock_timeout_ms = 60000;
    int attempts_max = 20;
    /// Of those, attempts that waited for a concurrent index: 60 s each, so fewer of them.
    int concurrent_attempts_max = 4;
    std::int64_t retry_first_ms = 250;
    std::int64_t retry_most_ms = 5000;
};

/// A step did not get its locks. What was applied before it stays; the text says who holds them.
class MigrationBlocked : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

struct MigrationOutcome {
    int from = 0;
    int to = 0;
};

/// Brings `schema` up to date: under an advisory lock (so that several at once are harmless), each
/// step in a transaction of its own together with its row in <schema>.schema_migrations
/// (version, name, sha256 of the text, applied_at). An applied step whose text changed is refused.
/// Throws MigrationBlocked, also when another attempt would last longer than the deadline leaves,
/// or std::runtime_error when another migration goes on past the deadline.
net::awaitable<MigrationOutcome> migrate(
    Connection& connection,
    const std::string& schema,
    const std::vector<Migration>& migrations,
    net::Deadline deadline,
    MigrateLimits limits = {}
);

/// The newest applied version of a schema, 0 if there is none. A service refuses to start (stays
/// not ready) while it is lower than the one it was built for.
net::awaitable<int> schema_version(Pool& pool, const std::string& schema, net::Deadline deadline);

}  // namespace postgres
