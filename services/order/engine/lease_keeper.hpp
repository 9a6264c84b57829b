#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "net/net.hpp"
#include "order/store/sale_lease.hpp"
#include "order/store/sale_store.hpp"

namespace order {

struct LeaseLimits {
    std::int64_t lease_ms = 3000;
    std::int64_t renew_ms = 1000;
    std::int64_t redis_timeout_ms = 100;   ///< of one command: a slow Redis must not slow a sale
    std::int64_t retry_ms = 200;           ///< between attempts to learn who holds the lease
    std::int64_t tend_ms = 25;             ///< how often it is looked whether one is due
    std::int64_t distrust_ms = 1000;       ///< how long a holder that did not answer is passed over
    std::int64_t idle_release_ms = 10000;  ///< a sale nobody buys from gives its lease back
};

/// This pod's part in the lease of one sale: who combines, and with which fence. Holding it makes a
/// sale fast, never correct: each batch carries a fence that PostgreSQL checks.
class LeaseKeeper {
  public:
    enum class Role {
        holder,        ///< this pod combines, with the fence that it raised
        follower,      ///< another pod combines: forward to it
        without_lease  ///< nobody known or reachable: use the row's current fence, not raised
    };

    LeaseKeeper(
        const base::Uuid& sale,
        SaleStore& store,
        SaleLease& lease,
        LeaseHolder self,
        LeaseLimits limits
    );

    /// What this pod is now. Never waits for Redis; `connection` serves to raise the fence after
    /// the lease was won. Throws postgres::Error.
    net::awaitable<Role> role(postgres::Connection& connection);

    Role last_role() const { return role_; }
    std::int64_t fence() const { return fence_; }
    bool fence_known() const { return fence_known_; }
    const std::string& holder_address() const { return holder_.address; }

    /// The row's fence as a batch or a read just saw it.
    void observe_fence(std::int64_t fence);
    /// Raises the row's fence: waits for a batch under way, refuses any later one, and ends the
    /// backend that blocks the row for longer. False: the row is still blocked. Throws
    /// postgres::Error.
    net::awaitable<bool> raise_fence(postgres::Connection& connection);
    /// A batch was refused by the fence: somebody raised it. The next role() asks Redis; if Redis
    /// still names this pod, it goes on with the row's fence and does not raise it again.
    void fenced(std::int64_t fence);
    /// The holder did not take a forwarded batch.
    void holder_failed();
    /// The holder said that it is not the holder.
    void holder_changed();
    /// A batch committed, or a probe: only then may the lease be renewed.
    void committed() { last_commit_ = net::SteadyClock::now(); }
    void used() { last_use_ = net::SteadyClock::now(); }

    /// Asks Redis who holds the lease while nobody is known, and renews it while this pod does;
    /// beside the sale, so that a slow Redis slows nobody. Ends when `stopped` says so.
    net::awaitable<void> tend_until(std::function<bool()> stopped);

    /// Gives the lease back, so that the next holder need not wait for it to run out.
    net::awaitable<void> release();

  private:
    net::awaitable<void> ask_redis();
    net::awaitable<void> renew();
    void hold();
    void forget();
    void pass_over(std::chrono::milliseconds time);
    net::Deadline redis_deadline() const;

    base::Uuid sale_;
    SaleStore& store_;
    SaleLease& lease_;
    LeaseHolder self_;
    LeaseLimits limits_;

    Role role_ = Role::without_lease;
    LeaseHolder holder_;
    std::int64_t fence_ = 0;
    bool fence_known_ = false;
    bool won_ = false;         ///< Redis gave the lease; the fence is still to be raised
    bool keep_fence_ = false;  ///< fenced while Redis may still name this pod: don't raise again
    net::Deadline lease_ends_{};
    net::Deadline asked_{};
    net::Deadline renewed_{};
    net::Deadline distrusted_until_{};
    net::Deadline last_commit_{};
    net::Deadline last_use_{};
};

}  // namespace order
