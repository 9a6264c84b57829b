#include "product/domain/stock.hpp"

#include <gtest/gtest.h>

#include "product/domain/catalogue.hpp"

namespace product {
namespace {

base::Uuid id_of(std::uint8_t number) {
    base::Uuid id;
    id.bytes[15] = number;
    return id;
}

TEST(StockRules, MergeLinesByProductInIdOrder) {
    const auto merged = merge_lines({{id_of(9), 1}, {id_of(2), 5}, {id_of(9), 3}}, 1, "quantity");
    ASSERT_TRUE(merged.has_value());
    EXPECT_EQ(*merged, (std::vector<Line>{{id_of(2), 5}, {id_of(9), 4}}));
}

TEST(StockRules, RefuseLinesThatMoveNothingOrTooMuch) {
    const auto field_of = [](const std::vector<Line>& lines, std::int64_t least = 1) {
        const auto merged = merge_lines(lines, least, "quantity");
        return merged.has_value() ? "none" : merged.error().field;
    };
    EXPECT_EQ(field_of({}), "lines");
    EXPECT_EQ(field_of(std::vector<Line>(lines_max + 1, {id_of(1), 1})), "lines");
    EXPECT_EQ(field_of({{id_of(1), 1}, {id_of(2), 0}}), "lines[1].quantity");
    EXPECT_EQ(field_of({{id_of(1), -1}}), "lines[0].quantity");
    EXPECT_EQ(field_of({{id_of(1), 0}}, 0), "none");
    EXPECT_EQ(field_of({{id_of(1), quantity_max}}), "none");
    EXPECT_EQ(field_of({{id_of(1), quantity_max}, {id_of(1), 1}}), "lines[1].quantity");
    EXPECT_EQ(field_of({{id_of(1), INT64_MAX}}), "lines[0].quantity");
}

TEST(StockRules, OrdersExpireAndSalesDoNot) {
    const auto order = complete({id_of(1), Purpose::order, {{id_of(2), 1}}, std::nullopt});
    ASSERT_TRUE(order.has_value());
    EXPECT_EQ(order->expires_in_ms, expires_in_ms_default);
    EXPECT_FALSE(complete({id_of(1), Purpose::order, {{id_of(2), 1}}, 999}).has_value());
    EXPECT_FALSE(
        complete({id_of(1), Purpose::order, {{id_of(2), 1}}, expires_in_ms_max + 1}).has_value()
    );
    const auto sale = complete({id_of(1), Purpose::flash_sale, {{id_of(2), 1}}, std::nullopt});
    ASSERT_TRUE(sale.has_value());
    EXPECT_EQ(sale->expires_in_ms, std::nullopt);
    EXPECT_FALSE(complete({id_of(1), Purpose::flash_sale, {{id_of(2), 1}}, 60'000}).has_value());
}

TEST(StockRules, ASaleSellsOneProduct) {
    const auto two =
        complete({id_of(1), Purpose::flash_sale, {{id_of(2), 1}, {id_of(3), 1}}, std::nullopt});
    ASSERT_FALSE(two.has_value());
    EXPECT_EQ(two.error().field, "lines");
    EXPECT_TRUE(
        complete({id_of(1), Purpose::flash_sale, {{id_of(2), 1}, {id_of(2), 1}}, std::nullopt})
            .has_value()
    );
}

TEST(StockRules, NamesAreReadAsTheyAreWritten) {
    for (const auto purpose : {Purpose::order, Purpose::flash_sale}) {
        EXPECT_EQ(parse_purpose(to_string(purpose)), purpose);
    }
    for (const auto state :
         {ReservationState::open,
          ReservationState::settled,
          ReservationState::released,
          ReservationState::tombstone}) {
        EXPECT_EQ(parse_reservation_state(to_string(state)), state);
    }
    EXPECT_FALSE(parse_purpose("gift").has_value());
}

}  // namespace
}  // namespace product
