#include "order/domain/sale_rules.hpp"

#include <gtest/gtest.h>

namespace order {
namespace {

SaleTerms sound_terms() {
    SaleTerms terms;
    terms.name = "Headphones at half price";
    terms.unit_price_cents = 4999;
    terms.currency = "EUR";
    terms.allotted = 100;
    terms.units_per_customer = 1;
    terms.holds_per_customer = 3;
    terms.hold_ms = 60000;
    terms.starts_at_ms = 1000;
    terms.ends_at_ms = 100000;
    return terms;
}

std::string refused_field(const SaleTerms& terms) {
    const auto checked = check_terms(terms, 500);
    return checked ? "" : checked.error().field;
}

TEST(SaleRules, AcceptsSoundTerms) {
    EXPECT_EQ(refused_field(sound_terms()), "");
}

TEST(SaleRules, NamesTheFieldThatIsWrong) {
    const auto with = [](auto change) {
        SaleTerms terms = sound_terms();
        change(terms);
        return refused_field(terms);
    };
    EXPECT_EQ(with([](SaleTerms& terms) { terms.name.clear(); }), "name");
    EXPECT_EQ(with([](SaleTerms& terms) { terms.allotted = 0; }), "units");
    EXPECT_EQ(with([](SaleTerms& terms) { terms.allotted = units_max + 1; }), "units");
    EXPECT_EQ(with([](SaleTerms& terms) { terms.unit_price_cents = -1; }), "unit_price_cents");
    EXPECT_EQ(with([](SaleTerms& terms) { terms.currency = "eur"; }), "currency");
    EXPECT_EQ(with([](SaleTerms& terms) { terms.ends_at_ms = 1000; }), "ends_at");
    EXPECT_EQ(with([](SaleTerms& terms) { terms.units_per_customer = 0; }), "units_per_customer");
    EXPECT_EQ(with([](SaleTerms& terms) { terms.holds_per_customer = 0; }), "holds_per_customer");
    EXPECT_EQ(with([](SaleTerms& terms) { terms.hold_ms = 999; }), "hold_ms");
}

TEST(SaleRules, RefusesASaleOfOrdersThatNobodyCanPay) {
    SaleTerms terms = sound_terms();
    terms.unit_price_cents = 1'000'000'000;
    terms.allotted = 1000;
    terms.units_per_customer = 100;
    EXPECT_EQ(refused_field(terms), "");
    terms.units_per_customer = 101;
    EXPECT_EQ(refused_field(terms), "units_per_customer");
    terms.allotted = 100;
    EXPECT_EQ(refused_field(terms), "") << "nobody can have as many";
}

TEST(SaleRules, RefusesASaleThatIsOverAlready) {
    EXPECT_FALSE(check_terms(sound_terms(), 100000).has_value());
}

TEST(SaleRules, KeysAreVisibleAsciiWithinBounds) {
    EXPECT_TRUE(is_key("a"));
    EXPECT_TRUE(is_key(std::string(key_bytes_max, 'k')));
    EXPECT_FALSE(is_key(""));
    EXPECT_FALSE(is_key(std::string(key_bytes_max + 1, 'k')));
    EXPECT_FALSE(is_key("with space"));
    EXPECT_FALSE(is_key("new\nline"));
    EXPECT_FALSE(is_key("caf\xc3\xa9"));
}

}  // namespace
}  // namespace order
