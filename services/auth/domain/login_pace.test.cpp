#include "auth/domain/login_pace.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace {

using auth::login_wait_ms;

TEST(login_pace, is_free_at_first) {
    EXPECT_EQ(login_wait_ms({}), 0);
    EXPECT_EQ(login_wait_ms({auth::free_failures - 1, 0}), 0);
}

TEST(login_pace, doubles_up_to_a_bound) {
    EXPECT_EQ(login_wait_ms({auth::free_failures, 0}), 1000);
    EXPECT_EQ(login_wait_ms({auth::free_failures + 1, 0}), 2000);
    EXPECT_EQ(login_wait_ms({auth::free_failures + 4, 0}), 16'000);
    EXPECT_EQ(login_wait_ms({auth::free_failures + 5, 0}), 30'000);
    EXPECT_EQ(login_wait_ms({std::numeric_limits<int>::max(), 0}), 30'000);
}

TEST(login_pace, counts_the_time_that_has_passed) {
    EXPECT_EQ(login_wait_ms({auth::free_failures + 2, 1500}), 2500);
    EXPECT_EQ(login_wait_ms({auth::free_failures + 2, 4000}), 0);
    EXPECT_EQ(login_wait_ms({auth::free_failures + 99, auth::failures_kept_ms}), 0);
}

}  // namespace
