#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/uuid.hpp"
#include "net/net.hpp"
#include "redis/client.hpp"

namespace order {

/// Who holds a sale's lease: where to forward to, and a token that tells one process's life from
/// its next at the same address. Neither is empty nor has a space.
struct LeaseHolder {
    std::string address;
    std::string token;

    bool operator==(const LeaseHolder&) const = default;
};

/// The Redis lock of a flash sale, as a lease that one pod holds over many batches.
///
/// It elects the pod that combines purchases, so that buyers share transactions: it buys speed. It
/// is not what makes a sale correct and must never be relied on for that. Redis replicates
/// asynchronously, so after a failover two pods can hold the same lease; a holder that was paused
/// past its lease still believes in it. Both are harmless because PostgreSQL mints the fence with
/// which every batch is checked, under the sale's row lock; without Redis the sale goes on.
///
/// Every call is one script, atomic in Redis, and throws redis::Error. After an error with
/// Effect::unknown the lease may have been taken: asking again says so.
class SaleLease {
  public:
    SaleLease(redis::Client& client, std::int64_t lease_ms);

    struct Attempt {
        bool won = false;                   ///< nobody held it and now it is ours
        std::optional<LeaseHolder> holder;  ///< us if won or held already; nullopt if unreadable
    };

    /// Takes the lease if nobody holds it. One that `self` holds already is extended, but not won:
    /// winning asks for a new fence, keeping does not.
    net::awaitable<Attempt> acquire(
        const base::Uuid& sale, const LeaseHolder& self, net::Deadline deadline
    );
    /// Extends the lease if `self` holds it; false: lost.
    net::awaitable<bool> renew(
        const base::Uuid& sale, const LeaseHolder& self, net::Deadline deadline
    );
    /// Gives the lease up if `self` holds it.
    net::awaitable<void> release(
        const base::Uuid& sale, const LeaseHolder& self, net::Deadline deadline
    );

  private:
    redis::Client& client_;
    std::string lease_ms_;
};

}  // namespace order
