#include "order/domain/hint.hpp"

#include <gtest/gtest.h>

namespace order {
namespace {

SaleTerms running_terms() {
    SaleTerms terms;
    terms.starts_at_ms = 1000;
    terms.ends_at_ms = 2000;
    return terms;
}

Peek peek_with(SaleState state, std::int64_t remaining, std::int64_t at_us = 1'500'000) {
    Peek peek;
    peek.standing.state = state;
    peek.standing.remaining = remaining;
    peek.at_us = at_us;
    return peek;
}

TEST(StockHint, SaysNothingBeforeItSawTheRow) {
    const StockHint hint;
    EXPECT_FALSE(hint.says_no(0));
    EXPECT_FALSE(hint.wants_reclaim(0));
}

TEST(StockHint, SaysNoWhileNothingIsLeftAndNoHoldIsDue) {
    StockHint hint;
    hint.observe(7, SaleState::open, false, 0, 5000);
    EXPECT_TRUE(hint.says_no(4999));
    EXPECT_FALSE(hint.says_no(5000)) << "a hold may have come back";
    EXPECT_TRUE(hint.wants_reclaim(5000));
}

TEST(StockHint, NeverSaysNoWhileUnitsAreLeft) {
    StockHint hint;
    hint.observe(7, SaleState::open, false, 1, std::nullopt);
    EXPECT_FALSE(hint.says_no(0));
}

TEST(StockHint, IsNotSetBackByALateAnswer) {
    StockHint hint;
    hint.observe(9, SaleState::open, false, 0, std::nullopt);
    hint.observe(8, SaleState::open, false, 50, std::nullopt);
    EXPECT_EQ(hint.remaining(), 0);
    hint.observe(10, SaleState::open, false, 3, std::nullopt);
    EXPECT_EQ(hint.remaining(), 3);
}

TEST(StockHint, SoldOutIsForGood) {
    StockHint hint;
    hint.observe(9, SaleState::open, true, 0, 100);
    EXPECT_TRUE(hint.says_no(1000));
    EXPECT_FALSE(hint.wants_reclaim(1000));
    EXPECT_FALSE(hint.may_become_sold_out());
}

TEST(RefusalBySnapshot, SoldOutComesBeforeOver) {
    Peek peek = peek_with(SaleState::settled, 0);
    peek.standing.sold_out = true;
    EXPECT_EQ(refusal_by_snapshot(peek, running_terms(), 1), TakeOutcome::sold_out);
    peek.standing.sold_out = false;
    EXPECT_EQ(refusal_by_snapshot(peek, running_terms(), 1), TakeOutcome::sale_over);
}

TEST(RefusalBySnapshot, LeavesToTheRowWhateverMightBeGiven) {
    EXPECT_EQ(refusal_by_snapshot(peek_with(SaleState::open, 2), running_terms(), 2), std::nullopt);
    Peek due = peek_with(SaleState::open, 0);
    due.next_expiry_us = due.at_us;
    EXPECT_EQ(refusal_by_snapshot(due, running_terms(), 1), std::nullopt);
}

TEST(RefusalBySnapshot, TellsNoneFromNotEnough) {
    EXPECT_EQ(
        refusal_by_snapshot(peek_with(SaleState::open, 0), running_terms(), 1),
        TakeOutcome::none_left_now
    );
    EXPECT_EQ(
        refusal_by_snapshot(peek_with(SaleState::open, 1), running_terms(), 2),
        TakeOutcome::not_enough
    );
}

TEST(RefusalBySnapshot, KnowsTheWindow) {
    EXPECT_EQ(
        refusal_by_snapshot(peek_with(SaleState::open, 5, 999'999), running_terms(), 1),
        TakeOutcome::not_started
    );
    EXPECT_EQ(
        refusal_by_snapshot(peek_with(SaleState::open, 5, 2'000'000), running_terms(), 1),
        std::nullopt
    ) << "the row itself ends the sale";
    EXPECT_EQ(
        refusal_by_snapshot(peek_with(SaleState::paused, 5), running_terms(), 1),
        TakeOutcome::paused
    );
}

}  // namespace
}  // namespace order
