#include "payment/domain/charge.hpp"

#include <gtest/gtest.h>

namespace payment {
namespace {

const ChargeRequest good{"0190-order:1", 4900, "EUR", "sandbox:approve"};

std::string wrong_field(ChargeRequest request) {
    const auto problem = find_problem(request);
    return problem ? problem->field : "";
}

TEST(Charge, StatesAreReadAsTheyAreWritten) {
    for (const auto state :
         {ChargeState::pending,
          ChargeState::charged,
          ChargeState::declined,
          ChargeState::voided,
          ChargeState::refunded}) {
        EXPECT_EQ(parse_state(to_string(state)), state);
    }
    EXPECT_FALSE(parse_state("Charged"));
    EXPECT_FALSE(parse_state(""));
}

TEST(Charge, NamesTheFieldThatIsWrong) {
    EXPECT_EQ(wrong_field(good), "");
    EXPECT_EQ(wrong_field({"", 1, "EUR", "m"}), "key");
    EXPECT_EQ(wrong_field({"a/b", 1, "EUR", "m"}), "key");
    EXPECT_EQ(wrong_field({std::string(81, 'a'), 1, "EUR", "m"}), "key");
    EXPECT_EQ(wrong_field({std::string(80, 'a'), 0, "EUR", "m"}), "");
    EXPECT_EQ(wrong_field({"a", -1, "EUR", "m"}), "amount_cents");
    EXPECT_EQ(wrong_field({"a", 100'000'000'001, "EUR", "m"}), "amount_cents");
    EXPECT_EQ(wrong_field({"a", 1, "eur", "m"}), "currency");
    EXPECT_EQ(wrong_field({"a", 1, "EURO", "m"}), "currency");
}

TEST(Charge, AKeyBelongsToOneRequest) {
    const Charge charge{ChargeState::charged, 4900, "EUR", "sandbox:approve", 0, 0};
    EXPECT_TRUE(is_same_request(charge, good));
    ChargeRequest other = good;
    other.amount_cents = 1;
    EXPECT_FALSE(is_same_request(charge, other));
    other = good;
    other.currency = "USD";
    EXPECT_FALSE(is_same_request(charge, other));
    other = good;
    other.method = "sandbox:slow";
    EXPECT_FALSE(is_same_request(charge, other));
}

TEST(Charge, AVoidBeforeItsChargeKnowsNoAmount) {
    Charge voided;
    voided.state = ChargeState::voided;
    EXPECT_TRUE(is_same_request(voided, good));
}

}  // namespace
}  // namespace payment
