#include "product/api/product_tag.hpp"

#include <gtest/gtest.h>

namespace product::api {
namespace {

using Versions = std::vector<std::int64_t>;

TEST(ProductTag, ChangesWithWhatIsShown) {
    Product product;
    product.version = 3;
    product.stock = 10;
    const auto tag = product_tag(product);
    EXPECT_EQ(tag, "\"3.10.0\"");
    product.reserved = 1;
    EXPECT_NE(product_tag(product), tag);
    EXPECT_EQ(versions_of(product_tag(product)), Versions{3}) << "stock moved; the texts did not";
}

TEST(ProductTag, ConditionsAreLists) {
    EXPECT_EQ(versions_of("*"), Versions{});
    EXPECT_EQ(versions_of(" * "), Versions{});
    EXPECT_EQ(versions_of("\"3.10.0\", \"4.1.1\""), (Versions{3, 4}));
    EXPECT_EQ(versions_of("\"3.10.0\",\"a,b\""), (Versions{3, -1}));
}

TEST(ProductTag, ForeignAndWeakTagsStandForNoVersion) {
    for (const char* tag :
         {"W/\"3.10.0\"", "\"\"", "\"x\"", "\"3\"", "\"-3.1.1\"", "\"99999999999999999999.1.1\""}) {
        EXPECT_EQ(versions_of(tag), Versions{-1}) << tag;
    }
}

TEST(ProductTag, WhatIsNoConditionIsRefused) {
    for (const char* text :
         {"", "3", "\"3.1.1", "\"3.1.1\" \"4.1.1\"", "\"3.1.1\",", "*,\"3.1.1\"", "w/\"3\""}) {
        const auto versions = versions_of(text);
        ASSERT_FALSE(versions.has_value()) << text;
        EXPECT_EQ(versions.error().field, "header If-Match");
    }
}

}  // namespace
}  // namespace product::api
