#pragma once

#include <string>

#include "net/net.hpp"
#include "postgres/migrate.hpp"
#include "postgres/pool.hpp"

namespace postgres {

/// Applies one step and records it. `schema` is a plain name; the caller keeps other migrators of
/// it out. Throws MigrationBlocked when the locks didn't come free in all attempts.
net::awaitable<void> apply_migration(
    Connection& connection,
    const std::string& schema,
    const Migration& migration,
    const MigrateLimits& limits,
    net::Deadline deadline
);

}  // namespace postgres
