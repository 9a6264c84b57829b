#pragma once

#include "cli/preflight/checks.hpp"
#include "cli/preflight/settings.hpp"
#include "net/net.hpp"

namespace cli::preflight {

/// Looks at the rooms as a buyer does, through the gateway, and at their pods' /readyz. Only reads.
net::awaitable<void> check_rooms(Checks& checks, const Settings& settings);

}  // namespace cli::preflight
