#pragma once

#include <cstdint>

namespace auth {

/// A bucket of attempts. Each one counted fills it by one, time drains it steadily; while it is
/// full the next one has to wait, never longer than one attempt takes to drain.
struct Pace {
    int attempts_max = 0;
    std::int64_t drain_ms = 0;  ///< after so long one attempt less counts
};

/// Wrong passwords of one device, or of one network, for one account: after five, one in 20 s.
inline constexpr Pace guesses_pace{5, 20'000};
/// Wrong passwords for one account from everywhere, devices that have logged in before apart. NIST
/// SP 800-63B, section 5.2.2, allows 100 in a row.
inline constexpr Pace account_pace{100, 20'000};
/// Wrong passwords from one network for all accounts; so many more a minute.
inline constexpr Pace network_pace{100, 5'000};
/// Registrations from one network.
inline constexpr Pace registrations_pace{100, 2'000};

/// What a deployment may choose: how many people share an address differs.
struct AttemptLimits {
    Pace network = network_pace;
    Pace registrations = registrations_pace;
};

/// No bucket of at most `attempts_max` that counted nothing for so long has anything left in it.
inline constexpr std::int64_t attempts_kept_ms = 3'600'000;

/// What was counted, at the database's time.
struct Attempts {
    double level = 0;  ///< when the last one was counted, this one included
    std::int64_t since_last_ms = 0;
};

/// How long the next attempt must wait, 0 if it need not.
std::int64_t attempt_wait_ms(const Attempts& attempts, const Pace& pace);

}  // namespace auth
