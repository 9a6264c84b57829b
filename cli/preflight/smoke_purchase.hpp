#pragma once

#include "cli/preflight/checks.hpp"
#include "cli/preflight/settings.hpp"
#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace cli::preflight {

/// Sells one unit of a scratch product, through the gateway as a buyer does. One at a time in a
/// shop, by a lock in the database. What it leaves behind: the product, archived and the same one
/// each time, and per run one settled sale with one paid order.
net::awaitable<void> check_purchase(Checks& checks, const Settings& settings, postgres::Pool& pool);

}  // namespace cli::preflight
