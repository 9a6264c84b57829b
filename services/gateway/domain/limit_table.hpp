#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gateway/domain/rate_limit.hpp"

namespace gateway {

/// An account's id, or a client's network as service::client_network_bytes() has it, or a digest of
/// what a proxy calls its client.
using LimitSubject = std::array<std::uint8_t, 16>;

/// Who is counted, and against which quota.
struct LimitKey {
    Limit limit = Limit::browse;
    LimitSubject subject{};

    bool operator==(const LimitKey&) const = default;
};

/// The buckets of one pod: a table of fixed size, eight places to a key. Who finds all of them
/// taken replaces the one that has the least to remember, so that a flood of new clients can't wash
/// away what is known of a busy one. Also counts, for each bucket, the requests that other pods
/// don't know of yet. Never allocates after it was made. Times are of any steady clock.
class LimitTable {
  public:
    using Quotas = std::array<Quota, limit_names.size()>;

    struct Taken {
        Allowance allowance;
        bool should_tell = false;  ///< enough is untold; said once until tell() was called
    };

    /// `seed`: unknown to clients, so that they can't choose keys that share their places.
    LimitTable(const Quotas& quotas, std::size_t entries_max, std::uint64_t seed);

    /// The key's quota must be limited.
    Taken take(const LimitKey& key, std::int64_t now_us);

    /// What take() would say, without taking.
    Allowance look(const LimitKey& key, std::int64_t now_us) const;

    /// The granted requests that others don't know of; from now on they count as told.
    std::int64_t tell(const LimitKey& key);
    /// They were not told after all.
    void untell(const LimitKey& key, std::int64_t requests);
    /// All pods together used so much of the quota: `used_us` of its time is to come back still.
    void learn(const LimitKey& key, std::int64_t used_us, std::int64_t now_us);

    const Quota& quota(Limit limit) const { return quotas_[static_cast<std::size_t>(limit)]; }
    /// Untold requests of one client after which others are told. An eighth of the quota: rare for
    /// a buyer with a few clicks, often enough for one who comes near the limit.
    std::int64_t untold_max(Limit limit) const;
    /// Buckets that were replaced before their quota was whole again.
    std::uint64_t forgotten() const { return forgotten_; }

  private:
    struct Bucket {
        LimitKey key;
        bool is_used = false;
        bool is_to_be_told = false;
        std::uint32_t untold = 0;
        std::int64_t whole_at_us = 0;
    };
    static constexpr std::size_t places = 8;

    std::size_t first_place_of(const LimitKey& key) const;
    std::span<Bucket> places_of(const LimitKey& key);
    std::span<const Bucket> places_of(const LimitKey& key) const;
    Bucket* find(const LimitKey& key);
    Bucket& find_or_make(const LimitKey& key, std::int64_t now_us);

    Quotas quotas_;
    std::uint64_t seed_;
    std::size_t sets_;
    std::vector<Bucket> buckets_;
    std::uint64_t forgotten_ = 0;
};

}  // namespace gateway
