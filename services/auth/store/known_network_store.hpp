#pragma once

#include <cstdint>
#include <optional>

#include "auth/domain/known_networks.hpp"
#include "base/uuid.hpp"
#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace auth {

/// Networks that accounts have lately logged in from, each by its mark: a code that names it for
/// one account only. Throws postgres::Error when the database is away.
class KnownNetworkStore {
  public:
    explicit KnownNetworkStore(postgres::Pool& pool) : pool_(pool) {}

    /// Seconds since the last login that was written down; nullopt if it isn't known.
    net::awaitable<std::optional<std::int64_t>> age_s(
        base::Uuid account_id, base::Uuid mark, net::Deadline deadline
    );
    /// From now on it is known; the account's oldest ones beyond known_networks_max are not.
    net::awaitable<void> remember(base::Uuid account_id, base::Uuid mark, net::Deadline deadline);
    /// Drops up to `limit` that aren't known any more; returns how many.
    net::awaitable<std::int64_t> drop_old(std::int64_t limit, net::Deadline deadline);

  private:
    postgres::Pool& pool_;
};

}  // namespace auth
