#include "gateway/domain/limit_table.hpp"

#include <algorithm>
#include <cstring>

#include "base/assertion.hpp"

namespace gateway {

namespace {

/// The finalizer of splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators").
std::uint64_t mix(std::uint64_t bits) {
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
}

std::uint64_t hash(const LimitKey& key, std::uint64_t seed) {
    std::array<std::uint64_t, 2> halves{};
    std::memcpy(halves.data(), key.subject.data(), key.subject.size());
    const auto limit = static_cast<std::uint64_t>(key.limit);
    return mix(mix(mix(seed ^ limit) ^ halves[0]) ^ halves[1]);
}

}  // namespace

LimitTable::LimitTable(const Quotas& quotas, std::size_t entries_max, std::uint64_t seed)
    : quotas_(quotas),
      seed_(seed),
      sets_(std::max<std::size_t>((entries_max + places - 1) / places, 1)),
      buckets_(sets_ * places) {}

std::int64_t LimitTable::untold_max(Limit limit) const {
    return std::max<std::int64_t>(quota(limit).requests / 8, 1);
}

LimitTable::Taken LimitTable::take(const LimitKey& key, std::int64_t now_us) {
    const Quota& limits = quota(key.limit);
    DOORBUSTER_ASSERT(limits.is_limited());
    Bucket& bucket = find_or_make(key, now_us);
    Taken taken{gateway::take(limits, bucket.whole_at_us, now_us), false};
    if (!taken.allowance.is_granted) return taken;
    ++bucket.untold;
    taken.should_tell = !bucket.is_to_be_told && bucket.untold >= untold_max(key.limit);
    if (taken.should_tell) bucket.is_to_be_told = true;
    return taken;
}

Allowance LimitTable::look(const LimitKey& key, std::int64_t now_us) const {
    const auto candidates = places_of(key);
    const auto bucket = std::ranges::find_if(candidates, [&](const Bucket& each) {
        return each.is_used && each.key == key;
    });
    std::int64_t whole_at_us = bucket == candidates.end() ? now_us : bucket->whole_at_us;
    return gateway::take(quota(key.limit), whole_at_us, now_us);
}

std::int64_t LimitTable::tell(const LimitKey& key) {
    Bucket* const bucket = find(key);
    if (!bucket) return 0;
    const auto requests = static_cast<std::int64_t>(bucket->untold);
    bucket->untold = 0;
    bucket->is_to_be_told = false;
    return requests;
}

void LimitTable::untell(const LimitKey& key, std::int64_t requests) {
    Bucket* const bucket = find(key);
    if (!bucket) return;
    // No more than the bucket itself may have let through: without Redis the count only grows.
    const auto most = quota(key.limit).requests;
    bucket->untold = static_cast<std::uint32_t>(std::min(bucket->untold + requests, most));
}

void LimitTable::learn(const LimitKey& key, std::int64_t used_us, std::int64_t now_us) {
    Bucket& bucket = find_or_make(key, now_us);
    const std::int64_t own_us = bucket.untold * quota(key.limit).cost_us();
    bucket.whole_at_us = std::max(bucket.whole_at_us, now_us + used_us + own_us);
}

std::size_t LimitTable::first_place_of(const LimitKey& key) const {
    // The upper half, scaled to the number of sets: no division.
    const std::size_t set = ((hash(key, seed_) >> 32) * sets_) >> 32;
    return set * places;
}

std::span<LimitTable::Bucket> LimitTable::places_of(const LimitKey& key) {
    return std::span(buckets_).subspan(first_place_of(key), places);
}

std::span<const LimitTable::Bucket> LimitTable::places_of(const LimitKey& key) const {
    return std::span(buckets_).subspan(first_place_of(key), places);
}

LimitTable::Bucket* LimitTable::find(const LimitKey& key) {
    for (Bucket& bucket : places_of(key)) {
        if (bucket.is_used && bucket.key == key) return &bucket;
    }
    return nullptr;
}

LimitTable::Bucket& LimitTable::find_or_make(const LimitKey& key, std::int64_t now_us) {
    const auto candidates = places_of(key);
    Bucket* least = &candidates.front();
    for (Bucket& bucket : candidates) {
        if (bucket.is_used && bucket.key == key) return bucket;
        // A free place has nothing to remember.
        if (least->is_used && (!bucket.is_used || bucket.whole_at_us < least->whole_at_us)) {
            least = &bucket;
        }
    }
    if (least->is_used && least->whole_at_us > now_us) ++forgotten_;
    *least = Bucket{.key = key, .is_used = true, .whole_at_us = now_us};
    return *least;
}

}  // namespace gateway
