#pragma once

#include <cstring>
#include <map>
#include <optional>
#include <unordered_map>

#include "token/access_token.hpp"
#include "token/digest.hpp"

namespace token {

/// Claims of tokens whose signature was found right, under the SHA-256 of the whole token.
/// Bounded: a full cache first drops what has expired, then what expires soonest, which with equal
/// lifetimes is the oldest. `Key` is the address of the public key that verified the token.
class VerifiedTokens {
  public:
    using Key = const void*;

    explicit VerifiedTokens(std::size_t entries_max) : entries_max_(entries_max) {}

    const Claims* find(const Digest& digest) const {
        const auto found = entries_.find(digest);
        return found == entries_.end() ? nullptr : &found->second.claims;
    }

    void add(const Digest& digest, const Claims& claims, Key key, std::int64_t now_s) {
        if (entries_max_ == 0) return;
        drop_expired(now_s);
        if (entries_.size() >= entries_max_) drop_first();
        const auto [entry, is_new] = entries_.try_emplace(digest, Entry{claims, key, {}});
        if (!is_new) return;
        entry->second.place = by_expiry_.emplace(claims.expires_at_s, &entry->first);
    }

    void drop(const Digest& digest) {
        const auto found = entries_.find(digest);
        if (found == entries_.end()) return;
        by_expiry_.erase(found->second.place);
        entries_.erase(found);
    }

    template <class IsKept>
    void keep_only(IsKept is_kept) {
        for (auto entry = entries_.begin(); entry != entries_.end();) {
            if (is_kept(entry->second.key)) {
                ++entry;
                continue;
            }
            by_expiry_.erase(entry->second.place);
            entry = entries_.erase(entry);
        }
    }

    std::size_t size() const { return entries_.size(); }

  private:
    // The digest is uniform already, and nobody can choose one: only signed tokens get in.
    struct FirstBytes {
        std::size_t operator()(const Digest& digest) const noexcept {
            std::size_t hash = 0;
            std::memcpy(&hash, digest.data(), sizeof hash);
            return hash;
        }
    };
    using ByExpiry = std::multimap<std::int64_t, const Digest*>;
    struct Entry {
        Claims claims;
        Key key;
        ByExpiry::iterator place;
    };

    void drop_expired(std::int64_t now_s) {
        while (!by_expiry_.empty() && by_expiry_.begin()->first + clock_leeway_s <= now_s) {
            drop_first();
        }
    }

    void drop_first() {
        const Digest digest = *by_expiry_.begin()->second;
        drop(digest);
    }

    std::size_t entries_max_;
    std::unordered_map<Digest, Entry, FirstBytes> entries_;
    ByExpiry by_expiry_;
};

}  // namespace token
