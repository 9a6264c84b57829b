#include "order/engine/lease_keeper.hpp"

#include <utility>

#include "logging/logging.hpp"
#include "net/event.hpp"

namespace order {
namespace {

using std::chrono::milliseconds;

// Raising the fence waits for a batch under way and is itself cut short by lock_timeout.
constexpr milliseconds raise_timeout(2000);

}  // namespace

LeaseKeeper::LeaseKeeper(
    const base::Uuid& sale, SaleStore& store, SaleLease& lease, LeaseHolder self, LeaseLimits limits
)
    : sale_(sale), store_(store), lease_(lease), self_(std::move(self)), limits_(limits) {}

net::Deadline LeaseKeeper::redis_deadline() const {
    return net::deadline_in(milliseconds(limits_.redis_timeout_ms));
}

net::awaitable<LeaseKeeper::Role> LeaseKeeper::role(postgres::Connection& connection) {
    const auto now = net::SteadyClock::now();
    if (role_ == Role::holder && now >= lease_ends_) forget();
    if (role_ == Role::without_lease && now >= asked_ + milliseconds(limits_.retry_ms)) {
        co_await ask_redis(connection);
    }
    co_return role_;
}

net::awaitable<void> LeaseKeeper::ask_redis(postgres::Connection& connection) {
    // The lease is counted from before the command was sent, so that it never seems longer here
    // than it is in Redis.
    const auto asked = net::SteadyClock::now();
    asked_ = asked;
    SaleLease::Attempt attempt;
    try {
        attempt = co_await lease_.acquire(sale_, self_, redis_deadline());
    } catch (const base::NeighbourError&) {
        co_return;
    }
    const bool still_ours = attempt.holder && attempt.holder->token == self_.token;
    if (attempt.won || still_ours) {
        lease_ends_ = asked + milliseconds(limits_.lease_ms);
        const bool raise = attempt.won || !keep_fence_;
        keep_fence_ = false;
        if (raise) {
            const auto standing =
                co_await store_.raise_fence(connection, sale_, net::deadline_in(raise_timeout));
            if (!standing) co_return;
            fence_ = standing->fence;
            fence_known_ = true;
            logging::info("lease won", {{"sale", sale_.to_string()}, {"fence", fence_}});
        }
        last_commit_ = net::SteadyClock::now();
        role_ = Role::holder;
    } else if (attempt.holder && asked >= distrusted_until_) {
        holder_ = *attempt.holder;
        role_ = Role::follower;
    }
}

void LeaseKeeper::observe_fence(std::int64_t fence) {
    if (role_ == Role::holder) return;
    fence_ = fence;
    fence_known_ = true;
}

void LeaseKeeper::fenced(std::int64_t fence) {
    role_ = Role::without_lease;
    fence_ = fence;
    fence_known_ = true;
    keep_fence_ = true;
    asked_ = {};
}

void LeaseKeeper::holder_failed() {
    if (role_ != Role::follower) return;
    role_ = Role::without_lease;
    fence_known_ = false;
    distrusted_until_ = net::deadline_in(milliseconds(limits_.distrust_ms));
    asked_ = {};
}

void LeaseKeeper::holder_changed() {
    if (role_ != Role::follower) return;
    role_ = Role::without_lease;
    fence_known_ = false;
    asked_ = {};
}

void LeaseKeeper::forget() {
    role_ = Role::without_lease;
    fence_known_ = false;
    keep_fence_ = false;
}

net::awaitable<void> LeaseKeeper::renew_until(std::function<bool()> stopped) {
    while (!stopped()) {
        co_await net::sleep_for(milliseconds(limits_.renew_ms));
        if (role_ == Role::holder) co_await renew();
    }
}

net::awaitable<void> LeaseKeeper::renew() {
    const auto now = net::SteadyClock::now();
    if (now >= last_use_ + milliseconds(limits_.idle_release_ms)) {
        co_await release();
        co_return;
    }
    if (now >= last_commit_ + milliseconds(limits_.renew_ms)) {
        // No batch lately: a holder that can't reach the database must not keep others waiting.
        try {
            co_await store_.read(sale_, net::deadline_in(milliseconds(limits_.renew_ms)));
            committed();
        } catch (const base::NeighbourError&) {
            co_return;
        }
    }
    const auto asked = net::SteadyClock::now();
    try {
        const bool kept = co_await lease_.renew(sale_, self_, redis_deadline());
        if (kept) {
            lease_ends_ = asked + milliseconds(limits_.lease_ms);
        } else {
            // Redis lost it (a failover) or somebody else has it: ask, and win it anew if free.
            forget();
            asked_ = {};
        }
    } catch (const base::NeighbourError&) {
        // Redis is away: the lease runs out by this machine's clock, the sale goes on without.
    }
}

net::awaitable<void> LeaseKeeper::release() {
    if (role_ != Role::holder) co_return;
    forget();
    try {
        co_await lease_.release(sale_, self_, redis_deadline());
    } catch (const base::NeighbourError&) {
        // It runs out by itself.
    }
}

}  // namespace order
