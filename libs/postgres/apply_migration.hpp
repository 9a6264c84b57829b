#pragma once

#include <cstdint>
#include <string>

#include "net/net.hpp"
#include "postgres/lock_holders.hpp"
#include "postgres/migrate.hpp"
#include "postgres/pool.hpp"

namespace postgres {

/// How long the next attempt waits for a lock after one that waited `last_ms` and that these were
/// in the way of. Not twice as long for autovacuum: one that stays has to (it prevents wraparound).
std::int64_t next_lock_timeout_ms(
    const LockHolders& holders, std::int64_t last_ms, const MigrateLimits& limits
);

/// What somebody can do about them, as sentences.
std::string advice_about(const LockHolders& holders);

/// Applies one step and records it. `schema` is a plain name; the caller keeps other migrators of
/// it out. Throws MigrationBlocked when the locks didn't come free in all attempts, or in those
/// that the deadline has room for.
net::awaitable<void> apply_migration(
    Connection& connection,
    const std::string& schema,
    const Migration& migration,
    const MigrateLimits& limits,
    net::Deadline deadline
);

}  // namespace postgres
