#include "order/domain/payment.hpp"

#include <gtest/gtest.h>

namespace order {
namespace {

TEST(Payment, AnAttemptHasOneName) {
    const std::string id = "01932b5e-7a10-7c3e-8f21-5d1c0a9b7e44";
    const auto key = AttemptKey::parse(id + ":12");
    ASSERT_TRUE(key);
    EXPECT_EQ(key->order_id.to_string(), id);
    EXPECT_EQ(key->n, 12);
    EXPECT_EQ(key->to_string(), id + ":12");
    for (const std::string& text :
         {std::string(),
          id,
          id + ":",
          id + ":0",
          id + ":-1",
          id + ":01",
          id + ":1 ",
          id + ":1:1",
          id + ":99999999999",
          std::string(":1"),
          std::string("01932B5E-7A10-7C3E-8F21-5D1C0A9B7E44:1"),
          id + ";1"}) {
        EXPECT_FALSE(AttemptKey::parse(text)) << text;
    }
}

TEST(Payment, ChargesWhatTheProviderTakes) {
    EXPECT_EQ(charge_of(1000, 100'000'000), charge_cents_max);
    EXPECT_EQ(charge_of(0, INT64_MAX), 0);
    EXPECT_FALSE(charge_of(1000, 100'000'001));
    EXPECT_FALSE(charge_of(2, INT64_MAX)) << "no number at all";
    EXPECT_FALSE(charge_of(INT64_MAX, INT64_MAX));
    EXPECT_FALSE(charge_of(-1, 1));
    EXPECT_FALSE(charge_of(1, -1));
}

TEST(Payment, KnowsTheMethodsItNames) {
    std::string_view rest = payment_methods();
    int count = 0;
    while (!rest.empty()) {
        const auto comma = rest.find(", ");
        EXPECT_TRUE(is_payment_method(rest.substr(0, comma))) << rest;
        rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 2);
        ++count;
    }
    EXPECT_EQ(count, 6);
    EXPECT_FALSE(is_payment_method(""));
    EXPECT_FALSE(is_payment_method("sandbox:approve, "));
    EXPECT_FALSE(is_payment_method("card"));
}

}  // namespace
}  // namespace order
