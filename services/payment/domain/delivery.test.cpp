#include "payment/domain/delivery.hpp"

#include <gtest/gtest.h>

namespace payment {
namespace {

constexpr RetryLimits limits{.first_ms = 100, .most_ms = 1000, .attempts_max = 8};

TEST(Delivery, IsDoneWhenTaken) {
    for (const int status : {200, 202, 204}) {
        EXPECT_EQ(judge({status}, 1, limits, 0).kind, Verdict::Kind::taken) << status;
    }
}

TEST(Delivery, IsNotRepeatedIfItWillNeverBeTaken) {
    for (const int status : {400, 410, 413, 422}) {
        EXPECT_EQ(judge({status}, 1, limits, 0).kind, Verdict::Kind::given_up) << status;
    }
    EXPECT_EQ(judge({404, "attempt_unknown"}, 1, limits, 0).kind, Verdict::Kind::given_up);
}

TEST(Delivery, IsRepeatedWhereNobodyKnewTheRouteYet) {
    EXPECT_EQ(judge({404, "route_unknown"}, 1, limits, 0).kind, Verdict::Kind::again);
    EXPECT_EQ(judge({404}, 1, limits, 0).kind, Verdict::Kind::again);
}

TEST(Delivery, IsRepeatedWhateverElseHappened) {
    for (const int status : {0, 301, 401, 403, 408, 409, 429, 500, 502, 503}) {
        EXPECT_EQ(judge({status}, 1, limits, 0).kind, Verdict::Kind::again) << status;
    }
}

TEST(Delivery, WaitsLongerEachTimeUpToALimitAndThenGivesUp) {
    for (const std::uint64_t random : {0ULL, 7ULL, ~0ULL}) {
        std::int64_t most_ms = 100;
        for (int attempt = 1; attempt < limits.attempts_max; ++attempt) {
            const Verdict verdict = judge({503}, attempt, limits, random);
            EXPECT_EQ(verdict.kind, Verdict::Kind::again);
            EXPECT_GE(verdict.retry_ms, most_ms / 2);
            EXPECT_LE(verdict.retry_ms, most_ms);
            most_ms = std::min<std::int64_t>(2 * most_ms, limits.most_ms);
        }
        EXPECT_EQ(judge({503}, limits.attempts_max, limits, random).kind, Verdict::Kind::given_up);
    }
}

}  // namespace
}  // namespace payment
