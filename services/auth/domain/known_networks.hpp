#pragma once

#include <cstdint>

namespace auth {

/// How long a network stays known after a login from it: longer than sessions last, so that who
/// comes back when one has ended is known.
inline constexpr std::int64_t network_known_s = 90 * 24 * 3600;
/// Of one account, the latest ones: a home, a place of work, a phone's provider, and journeys.
inline constexpr int known_networks_max = 8;
/// A login from a known network is written down no more often than that.
inline constexpr std::int64_t network_renewed_after_s = 24 * 3600;

}  // namespace auth
