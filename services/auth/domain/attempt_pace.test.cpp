#include "auth/domain/attempt_pace.hpp"

#include <gtest/gtest.h>

namespace {

using auth::attempt_wait_ms;

constexpr auth::Pace pace{5, 20'000};

TEST(attempt_pace, is_free_at_first) {
    EXPECT_EQ(attempt_wait_ms({}, pace), 0);
    EXPECT_EQ(attempt_wait_ms({4, 0}, pace), 0);
}

TEST(attempt_pace, waits_until_one_attempt_has_drained) {
    EXPECT_EQ(attempt_wait_ms({5, 0}, pace), 20'000);
    EXPECT_NEAR(static_cast<double>(attempt_wait_ms({5, 5000}, pace)), 15'000, 1);
    EXPECT_EQ(attempt_wait_ms({5, 20'000}, pace), 0);
    EXPECT_EQ(attempt_wait_ms({4.5, 0}, pace), 10'000);
}

TEST(attempt_pace, never_waits_longer_than_that) {
    EXPECT_EQ(attempt_wait_ms({1e9, 0}, pace), 20'000);
}

TEST(attempt_pace, forgets_everything_in_time) {
    for (const auto& each :
         {auth::guesses_pace, auth::account_pace, auth::network_pace, auth::registrations_pace}) {
        EXPECT_LE(each.attempts_max * each.drain_ms, auth::attempts_kept_ms);
    }
}

}  // namespace
