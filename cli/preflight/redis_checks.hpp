#pragma once

#include "cli/preflight/checks.hpp"
#include "cli/preflight/settings.hpp"
#include "net/net.hpp"

namespace cli::preflight {

/// Looks at Redis the way order finds it: the sentinels, the master they name, its replicas, and
/// what REDIS_FALLBACK leads to. Writes one key that is removed again and would expire by itself.
net::awaitable<void> check_redis(Checks& checks, const Settings& settings);

}  // namespace cli::preflight
