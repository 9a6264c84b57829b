#include "crowd/products.hpp"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crowd {
namespace {

using testing::HasSubstr;

const std::string one = "0193aaaa-bbbb-7ccc-8ddd-eeeeffff0001";
const std::string two = "0193aaaa-bbbb-7ccc-8ddd-eeeeffff0002";

std::expected<std::vector<std::string>, std::string> read(const std::string& text) {
    std::istringstream lines(text);
    return read_products(lines);
}

TEST(Products, are_read_line_by_line) {
    const auto products = read(one + "\r\n\n" + two);
    ASSERT_TRUE(products.has_value()) << products.error();
    EXPECT_EQ(*products, (std::vector{one, two}));
}

TEST(Products, faults_name_the_line) {
    EXPECT_THAT(read(one + "\n\nMonitor\n").error(), HasSubstr("line 3"));
    EXPECT_THAT(read("\n").error(), HasSubstr("no products"));
    EXPECT_THAT(read_products_file("/nowhere/at/all").error(), HasSubstr("/nowhere/at/all"));
}

TEST(Products, an_order_has_different_ones_around_the_end_of_the_catalogue) {
    EXPECT_EQ(
        order_body({one, two}, 1, 2, 3),
        R"({"lines":[{"product_id":")" + two + R"(","quantity":3},{"product_id":")" + one +
            R"(","quantity":3}]})"
    );
}

}  // namespace
}  // namespace crowd
