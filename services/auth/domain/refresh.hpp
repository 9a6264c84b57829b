#pragma once

#include <cstdint>
#include <optional>

namespace auth {

/// How long a used refresh token still leads to its successor: the answer of the first use may have
/// been lost, and two tabs may refresh at once.
inline constexpr std::int64_t refresh_grace_ms = 10'000;

/// A refresh token and its session as stored, at the database's time.
struct RefreshToken {
    std::int64_t now_ms = 0;
    std::int64_t expires_at_ms = 0;
    std::optional<std::int64_t> used_at_ms;
    bool is_revoked = false;
};

enum class RefreshDecision {
    rotate,  ///< first use: mark it used, store its successor
    repeat,  ///< used just now: the same successor again
    revoke,  ///< used long ago: a thief or its victim holds the successor; end the session
    refuse
};

RefreshDecision decide_refresh(const RefreshToken& token);

}  // namespace auth
