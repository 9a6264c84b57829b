#include "order/domain/ordinary_order.hpp"

#include <gtest/gtest.h>

#include "order/domain/payment.hpp"

namespace order {
namespace {

base::Uuid id_of(std::uint8_t number) {
    base::Uuid id;
    id.bytes[15] = number;
    return id;
}

constexpr BasketLimits limits{
    .lines_max = 3, .quantity_max = 10, .open_orders_max = 1, .hold_ms = 1000
};

TEST(OrdinaryOrderRules, MergeLinesInTheOrderTheyWereNamed) {
    const auto merged = merge_lines({{id_of(9), 1}, {id_of(2), 5}, {id_of(9), 3}}, limits);
    ASSERT_TRUE(merged.has_value());
    EXPECT_EQ(*merged, (std::vector<WantedLine>{{id_of(9), 4}, {id_of(2), 5}}));
}

TEST(OrdinaryOrderRules, RefuseWhatNobodyMayOrder) {
    const auto field_of = [](const std::vector<WantedLine>& lines) {
        const auto merged = merge_lines(lines, limits);
        return merged.has_value() ? "none" : merged.error().field;
    };
    EXPECT_EQ(field_of({}), "lines");
    EXPECT_EQ(field_of(std::vector<WantedLine>(4, {id_of(1), 1})), "lines");
    EXPECT_EQ(field_of({{id_of(1), 10}}), "none");
    EXPECT_EQ(field_of({{id_of(1), 0}}), "lines[0].quantity");
    EXPECT_EQ(field_of({{id_of(1), -1}}), "lines[0].quantity");
    EXPECT_EQ(field_of({{id_of(1), 11}}), "lines[0].quantity");
    EXPECT_EQ(field_of({{id_of(1), INT64_MAX}}), "lines[0].quantity");
    EXPECT_EQ(field_of({{id_of(1), 10}, {id_of(1), INT64_MAX}}), "lines[1].quantity");
    EXPECT_EQ(field_of({{id_of(1), 6}, {id_of(2), 6}, {id_of(1), 5}}), "lines[2].quantity");
}

TEST(OrdinaryOrderRules, TheSameUnitsHaveTheSameFingerprint) {
    EXPECT_EQ(
        describe_lines({{id_of(1), 1}, {id_of(2), 2}}),
        describe_lines({{id_of(2), 2}, {id_of(1), 1}})
    );
    EXPECT_NE(
        describe_lines({{id_of(1), 1}, {id_of(2), 2}}),
        describe_lines({{id_of(1), 2}, {id_of(2), 1}})
    );
    EXPECT_NE(describe_lines({{id_of(1), 12}}), describe_lines({{id_of(1), 1}}));
}

TEST(OrdinaryOrderRules, AnOrderHasOneCurrency) {
    EXPECT_EQ(common_currency({{id_of(1), 1, "a", 5, "EUR"}, {id_of(2), 1, "b", 5, "EUR"}}), "EUR");
    EXPECT_FALSE(common_currency({{id_of(1), 1, "a", 5, "EUR"}, {id_of(2), 1, "b", 5, "USD"}}));
    EXPECT_FALSE(common_currency({}));
}

TEST(OrdinaryOrderRules, ATotalCanBePaid) {
    const auto total = [](std::int64_t quantity, std::int64_t price_cents) {
        return total_of(
            {{id_of(1), 1, "a", 1, "EUR"}, {id_of(2), quantity, "b", price_cents, "EUR"}}
        );
    };
    EXPECT_EQ(total_of({}), 0);
    EXPECT_EQ(total(3, 5), 16);
    EXPECT_EQ(total(1, charge_cents_max - 1), charge_cents_max);
    EXPECT_FALSE(total(1, charge_cents_max));
    EXPECT_FALSE(total(1'000'000, INT64_MAX / 2));
    EXPECT_FALSE(total_of(
        std::vector<PricedLine>(100, {id_of(1), 1'000'000'000, "a", charge_cents_max, "EUR"})
    ));
}

TEST(OrdinaryOrderRules, StatesAreReadAsTheyAreWritten) {
    for (int number = 0; number <= 7; ++number) {
        const auto state = static_cast<OrderState>(number);
        EXPECT_EQ(parse_order_state(to_string(state)), state);
    }
    EXPECT_FALSE(parse_order_state("unknown").has_value());
}

}  // namespace
}  // namespace order
