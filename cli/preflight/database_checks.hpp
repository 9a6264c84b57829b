#pragma once

#include "cli/preflight/checks.hpp"
#include "cli/preflight/settings.hpp"
#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace cli::preflight {

/// Looks at PostgreSQL as its owner. Writes nothing that lasts: messages into the WAL, and a
/// temporary table for what `df` says, dropped again.
net::awaitable<void> check_database(Checks& checks, const Settings& settings, postgres::Pool& pool);

}  // namespace cli::preflight
