#pragma once

#include <cstdint>

namespace auth {

/// Failures that cost nothing; after that each doubles the wait, up to the most.
inline constexpr int free_failures = 5;
inline constexpr std::int64_t login_wait_first_ms = 1000;
inline constexpr std::int64_t login_wait_most_ms = 30'000;
/// Failures older than this are forgotten.
inline constexpr std::int64_t failures_kept_ms = 900'000;

struct LoginFailures {
    int failures = 0;
    std::int64_t since_last_ms = 0;
};

/// How long this address must still wait before its next try, 0 if it need not. Bounded, so that a
/// stranger's guesses shut the owner out for seconds after the last of them, not for good; sessions
/// that are open go on.
std::int64_t login_wait_ms(const LoginFailures& failures);

}  // namespace auth
