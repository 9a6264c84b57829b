#pragma once

#include <cstdint>
#include <vector>

#include "auth/domain/attempt_pace.hpp"
#include "base/uuid.hpp"
#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace auth {

/// Attempts of one kind by somebody or at something: `subject` is a digest of what they have in
/// common, so that the table names neither addresses nor accounts.
struct Counted {
    base::Uuid subject;
    Pace pace;
};

/// Attempts, counted for all pods together. Throws postgres::Error when the database is away.
class AttemptStore {
  public:
    explicit AttemptStore(postgres::Pool& pool) : pool_(pool) {}

    /// The longest wait of all of them.
    net::awaitable<std::int64_t> wait_ms(std::vector<Counted> counted, net::Deadline deadline);
    net::awaitable<void> add(std::vector<Counted> counted, net::Deadline deadline);
    net::awaitable<void> forget(base::Uuid subject, net::Deadline deadline);
    /// Drops up to `limit` counts that say nothing any more; returns how many.
    net::awaitable<std::int64_t> drop_old(std::int64_t limit, net::Deadline deadline);

  private:
    postgres::Pool& pool_;
};

}  // namespace auth
