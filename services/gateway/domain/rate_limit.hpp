#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gateway {

/// The quotas that a request may be counted against, each with a setting of its own.
enum class Limit : std::uint8_t {
    sign_in,       ///< register and log in: by client address, whoever asks
    refresh,       ///< sessions are renewed and ended: by client address, whoever asks
    browse,        ///< what anyone may ask: by account of who is signed in, else by address
    account,       ///< what customers may ask, but purchases
    purchase,      ///< what takes units
    admin,         ///< what administrators may ask
    invalid_token  ///< tokens whose signature turns out to be wrong: by client address
};

/// As clients read them, and as settings are called: RATE_LIMIT_SIGN_IN.
inline constexpr std::array<std::string_view, 7> limit_names{
    "sign_in", "refresh", "browse", "account", "purchase", "admin", "invalid_token"
};

inline std::string_view to_string(Limit limit) {
    return limit_names[static_cast<std::size_t>(limit)];
}

/// So many requests at once; what was used comes back evenly, all of it within `window_us`.
struct Quota {
    std::int64_t requests = 0;  ///< 0: no limit
    std::int64_t window_us = 0;

    bool is_limited() const { return requests > 0; }
    /// What one request costs: the time in which it comes back. At least 1 us.
    std::int64_t cost_us() const;
};

struct Allowance {
    bool is_granted = true;
    std::int64_t remaining = 0;    ///< requests that would be granted now
    std::int64_t wait_us = 0;      ///< until a next one is granted; 0 if one would be now
    std::int64_t whole_in_us = 0;  ///< until the whole quota is there again
};

/// Takes one request from a bucket, whose whole state is the moment at which its quota is whole
/// again (`whole_at_us`, on the clock of `now_us`). The generic cell rate algorithm in its
/// virtual-scheduling form (ITU-T I.371, annex A). A refused request costs nothing.
Allowance take(const Quota& quota, std::int64_t& whole_at_us, std::int64_t now_us);

}  // namespace gateway
