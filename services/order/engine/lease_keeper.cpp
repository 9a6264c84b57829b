#include "order/engine/lease_keeper.hpp"

#include <string_view>
#include <utility>

#include "logging/logging.hpp"
#include "net/event.hpp"

namespace order {
namespace {

using std::chrono::milliseconds;

// Raising the fence waits for a batch under way and is itself cut short by lock_timeout.
constexpr milliseconds raise_timeout(2000);

constexpr std::string_view lock_not_available = "55P03";

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
    if (won_ && now >= lease_ends_) won_ = false;
    if (won_) {
        const bool raised = co_await raise_fence(connection);
        if (raised && won_) {
            hold();
            logging::info("lease won", {{"sale", sale_.to_string()}, {"fence", fence_}});
        }
    }
    co_return role_;
}

net::awaitable<bool> LeaseKeeper::raise_fence(postgres::Connection& connection) {
    bool blocked = false;
    try {
        const auto standing =
            co_await store_.raise_fence(connection, sale_, net::deadline_in(raise_timeout));
        if (!standing) co_return false;
        fence_ = standing->fence;
        fence_known_ = true;
    } catch (const postgres::Error& error) {
        if (error.sqlstate() != lock_not_available) throw;
        blocked = true;
    }
    if (!blocked) co_return true;
    const int ended = co_await store_.end_blockers(sale_, net::deadline_in(raise_timeout));
    logging::warning(
        "ended the backends that blocked a sale", {{"sale", sale_.to_string()}, {"ended", ended}}
    );
    co_return false;
}

void LeaseKeeper::hold() {
    won_ = false;
    keep_fence_ = false;
    role_ = Role::holder;
    committed();
}

net::awaitable<void> LeaseKeeper::ask_redis() {
    // The lease is counted from before the command was sent, so that it never seems longer here
    // than it is in Redis.
    const auto asked = net::SteadyClock::now();
    asked_ = asked;
    const SaleLease::Attempt attempt = co_await lease_.acquire(sale_, self_, redis_deadline());
    const bool still_ours = attempt.holder && attempt.holder->token == self_.token;
    if (attempt.won || still_ours) {
        lease_ends_ = asked + milliseconds(limits_.lease_ms);
        renewed_ = asked;
        if (still_ours && !attempt.won && keep_fence_) {
            hold();
        } else {
            won_ = true;
        }
    } else if (attempt.holder && attempt.holder->address == self_.address) {
        // A former process at this very address: its lease runs out by itself.
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
    won_ = false;
    fence_ = fence;
    fence_known_ = true;
    keep_fence_ = true;
    asked_ = {};
}

void LeaseKeeper::holder_failed() {
    pass_over(milliseconds(limits_.distrust_ms));
}

// Not at once again: Redis may go on naming a pod that has lost its lease, or is a new process at
// the address of one that died.
void LeaseKeeper::holder_changed() {
    pass_over(milliseconds(limits_.retry_ms));
}

void LeaseKeeper::pass_over(milliseconds time) {
    if (role_ != Role::follower) return;
    role_ = Role::without_lease;
    fence_known_ = false;
    distrusted_until_ = net::deadline_in(time);
    asked_ = {};
}

void LeaseKeeper::forget() {
    role_ = Role::without_lease;
    won_ = false;
    fence_known_ = false;
    keep_fence_ = false;
}

net::awaitable<void> LeaseKeeper::tend_until(std::function<bool()> stopped) {
    while (!stopped()) {
        co_await net::sleep_for(milliseconds(limits_.tend_ms));
        const auto now = net::SteadyClock::now();
        const bool in_use = now < last_use_ + milliseconds(limits_.idle_release_ms);
        const bool nobody_known = role_ == Role::without_lease && !won_;
        try {
            if (nobody_known && in_use && now >= asked_ + milliseconds(limits_.retry_ms)) {
                co_await ask_redis();
            } else if (role_ == Role::holder && !in_use) {
                co_await release();
            } else if (role_ == Role::holder && now >= renewed_ + milliseconds(limits_.renew_ms)) {
                co_await renew();
            }
        } catch (const base::NeighbourError&) {
            // Redis is away: a lease runs out by this machine's clock, the sale goes on without.
        }
    }
}

net::awaitable<void> LeaseKeeper::renew() {
    const auto asked = net::SteadyClock::now();
    if (asked >= last_commit_ + milliseconds(limits_.renew_ms)) {
        // No batch lately. A holder that can't reach the database must not keep others waiting:
        // if this throws, the lease is not renewed.
        co_await store_.read(sale_, net::deadline_in(milliseconds(limits_.renew_ms)));
        committed();
    }
    const auto sent = net::SteadyClock::now();
    renewed_ = sent;
    const bool kept = co_await lease_.renew(sale_, self_, redis_deadline());
    if (role_ != Role::holder) co_return;
    if (kept) {
        lease_ends_ = sent + milliseconds(limits_.lease_ms);
    } else {
        // Redis lost it (a failover) or somebody else has it: ask, and win it anew if it is free.
        forget();
        asked_ = {};
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
