#include "auth/domain/refresh.hpp"

#include <gtest/gtest.h>

namespace {

using auth::decide_refresh;
using auth::RefreshDecision;
using auth::RefreshToken;

constexpr std::int64_t now_ms = 1'790'000'000'000;

RefreshToken unused() {
    return {now_ms, now_ms + 1000, std::nullopt, false};
}

RefreshToken used_before(std::int64_t time_ms) {
    auto token = unused();
    token.used_at_ms = now_ms - time_ms;
    return token;
}

TEST(refresh, rotates_on_first_use) {
    EXPECT_EQ(decide_refresh(unused()), RefreshDecision::rotate);
}

TEST(refresh, repeats_within_the_grace_and_revokes_after) {
    EXPECT_EQ(decide_refresh(used_before(0)), RefreshDecision::repeat);
    EXPECT_EQ(decide_refresh(used_before(10'000)), RefreshDecision::repeat);
    EXPECT_EQ(decide_refresh(used_before(10'001)), RefreshDecision::revoke);
}

TEST(refresh, revokes_on_late_reuse_of_an_expired_token_too) {
    auto token = used_before(60'000);
    token.expires_at_ms = now_ms - 1;
    EXPECT_EQ(decide_refresh(token), RefreshDecision::revoke);
}

TEST(refresh, refuses_what_is_expired_or_revoked) {
    auto expired = unused();
    expired.expires_at_ms = now_ms;
    EXPECT_EQ(decide_refresh(expired), RefreshDecision::refuse);
    for (auto revoked : {unused(), used_before(0), used_before(60'000)}) {
        revoked.is_revoked = true;
        EXPECT_EQ(decide_refresh(revoked), RefreshDecision::refuse);
    }
}

}  // namespace
