#include "gateway/domain/retry_budget.hpp"

#include <gtest/gtest.h>

namespace {

using gateway::RetryBudget;
using gateway::RetryBudgetLimits;

constexpr RetryBudgetLimits limits{.percent = 20, .at_least = 5, .window_ms = 1000};

int retries_of(RetryBudget& budget, std::int64_t now_ms) {
    int granted = 0;
    while (granted < 1000 && budget.take_retry(now_ms)) ++granted;
    return granted;
}

TEST(RetryBudgetTest, AFewAreAlwaysLeft) {
    RetryBudget budget(limits);
    EXPECT_EQ(retries_of(budget, 0), 5);
    EXPECT_EQ(retries_of(budget, 899), 0);
    EXPECT_EQ(retries_of(budget, 1000), 5) << "the window has moved on";
}

TEST(RetryBudgetTest, AShareOfTheRequestsIsRetried) {
    RetryBudget budget(limits);
    for (int each = 0; each < 200; ++each) budget.note_request(each);
    EXPECT_EQ(retries_of(budget, 300), 40);
    EXPECT_EQ(retries_of(budget, 400), 0);
}

TEST(RetryBudgetTest, OldRequestsEarnNothing) {
    RetryBudget budget(limits);
    for (int each = 0; each < 200; ++each) budget.note_request(0);
    EXPECT_EQ(retries_of(budget, 1500), 5);
}

}  // namespace
