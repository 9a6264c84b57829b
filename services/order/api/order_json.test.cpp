#include "order/api/order_json.hpp"

#include <gtest/gtest.h>

namespace order::api {
namespace {

std::expected<Page, FieldProblem> page_at(const std::string& query) {
    http::Request request;
    request.query = query;
    return page_of(request);
}

TEST(OrderLists, ArePagesOfAtMostAHundred) {
    const auto usual = page_at("");
    ASSERT_TRUE(usual);
    EXPECT_EQ(usual->limit, 20);
    EXPECT_FALSE(usual->cursor);
    const std::string cursor = "0198c1a4-5b7e-7c21-8d3f-6a9be0f41c52";
    const auto largest = page_at("limit=100&cursor=" + cursor);
    ASSERT_TRUE(largest);
    EXPECT_EQ(largest->limit, 100);
    ASSERT_TRUE(largest->cursor);
    EXPECT_EQ(largest->cursor->to_string(), cursor);
}

TEST(OrderLists, NameTheParameterThatIsWrong) {
    for (const std::string limit : {"", "0", "101", "-1", "2x", "99999999999"}) {
        const auto page = page_at("limit=" + limit);
        ASSERT_FALSE(page) << limit;
        EXPECT_EQ(page.error().field, "limit");
    }
    const auto page = page_at("limit=5&cursor=5");
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().field, "cursor");
}

}  // namespace
}  // namespace order::api
