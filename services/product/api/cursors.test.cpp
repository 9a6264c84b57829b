#include "product/api/cursors.hpp"

#include <gtest/gtest.h>

namespace product::api {
namespace {

ProductQuery query_of(std::optional<std::string> search, std::optional<std::string> category) {
    ProductQuery query;
    query.search = std::move(search);
    query.category = std::move(category);
    query.sort = Sort::name;
    return query;
}

Position somewhere() {
    Position position{-5, "öland kettle", {}};
    position.id.bytes.fill(7);
    return position;
}

const Cursors cursors("a key that all pods share, long enough");

TEST(Cursors, AreReadAsTheyWereWritten) {
    const auto query = query_of("red", "light");
    EXPECT_EQ(cursors.read(query, cursors.write(query, somewhere())), somewhere());
    auto longer_page = query;
    longer_page.limit = 100;
    EXPECT_EQ(cursors.read(longer_page, cursors.write(query, somewhere())), somewhere());
}

TEST(Cursors, BelongToTheirList) {
    const auto cursor = cursors.write(query_of("ab", "c"), somewhere());
    EXPECT_FALSE(cursors.read(query_of("a", "bc"), cursor));
    EXPECT_FALSE(cursors.read(query_of("ab", std::nullopt), cursor));
    EXPECT_FALSE(cursors.read(query_of(std::nullopt, "c"), cursor));
    EXPECT_FALSE(cursors.read(query_of("ab", ""), cursor));
    auto by_price = query_of("ab", "c");
    by_price.sort = Sort::price_asc;
    EXPECT_FALSE(cursors.read(by_price, cursor));
    EXPECT_FALSE(Cursors("another key").read(query_of("ab", "c"), cursor));
}

TEST(Cursors, CanNotBeMadeUp) {
    const auto query = query_of("red", std::nullopt);
    const auto cursor = cursors.write(query, somewhere());
    for (const std::string& text :
         {std::string(),
          std::string("x"),
          std::string("01900000-0000-7000-8000-000000000001"),
          std::string(40, 'A'),
          std::string(100000, 'A'),
          cursor + "A",
          cursor.substr(1),
          cursor.substr(0, cursor.size() - 2)}) {
        EXPECT_FALSE(cursors.read(query, text)) << text;
    }
    for (std::size_t index = 0; index < cursor.size(); ++index) {
        auto changed = cursor;
        changed[index] = changed[index] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(cursors.read(query, changed)) << index;
    }
}

}  // namespace
}  // namespace product::api
