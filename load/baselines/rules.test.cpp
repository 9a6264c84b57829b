#include "baselines/rules.hpp"

#include <gtest/gtest.h>

namespace baselines {
namespace {

Terms terms() {
    Terms terms;
    terms.units_per_customer = 3;
    terms.holds_per_customer = 2;
    return terms;
}

Standing open_sale() {
    Standing standing;
    standing.state = 2;
    standing.has_started = true;
    standing.remaining = 10;
    return standing;
}

base::Uuid id(std::uint8_t last) {
    base::Uuid made;
    made.bytes[15] = last;
    return made;
}

TEST(Rules, GiveUnitsOfAnOpenSale) {
    EXPECT_EQ(judge(terms(), Take{}, open_sale()), Outcome::bought);
}

TEST(Rules, TheLastUnitIsSoldAndNoneAfterIt) {
    Standing standing = open_sale();
    standing.remaining = 1;
    EXPECT_EQ(judge(terms(), Take{}, standing), Outcome::bought);
    Take two;
    two.quantity = 2;
    EXPECT_EQ(judge(terms(), two, standing), Outcome::not_enough);
    standing.remaining = 0;
    EXPECT_EQ(judge(terms(), Take{}, standing), Outcome::none_left_now);
    standing.sold_out = true;
    EXPECT_EQ(judge(terms(), Take{}, standing), Outcome::sold_out);
}

TEST(Rules, AKnownKeyIsAnsweredBeforeAnythingElse) {
    Standing standing = open_sale();
    standing.sold_out = true;
    standing.known_id = id(7);
    standing.known_fingerprint = id(1);
    Take take;
    take.fingerprint = id(1);
    EXPECT_EQ(judge(terms(), take, standing), Outcome::known);
    take.fingerprint = id(2);
    EXPECT_EQ(judge(terms(), take, standing), Outcome::key_reused);
}

TEST(Rules, LimitsCountUnitsAndHolds) {
    Standing standing = open_sale();
    standing.units = 3;
    EXPECT_EQ(judge(terms(), Take{}, standing), Outcome::limit_reached);
    standing.units = 1;
    standing.holds = 2;
    EXPECT_EQ(judge(terms(), Take{}, standing), Outcome::limit_reached);
}

TEST(Rules, OutsideItsTimeASaleSellsNothing) {
    Standing standing = open_sale();
    standing.has_started = false;
    EXPECT_EQ(judge(terms(), Take{}, standing), Outcome::not_started);
    standing.has_started = true;
    standing.has_ended = true;
    EXPECT_EQ(judge(terms(), Take{}, standing), Outcome::sale_over);
    standing.has_ended = false;
    standing.state = 3;
    EXPECT_EQ(judge(terms(), Take{}, standing), Outcome::paused);
    standing.state = 4;
    EXPECT_EQ(judge(terms(), Take{}, standing), Outcome::sale_over);
    standing.state = 0;
    EXPECT_EQ(judge(terms(), Take{}, standing), Outcome::not_started);
}

}  // namespace
}  // namespace baselines
