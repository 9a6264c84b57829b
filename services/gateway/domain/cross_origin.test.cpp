#include "gateway/domain/cross_origin.hpp"

#include <gtest/gtest.h>

namespace {

using gateway::CrossOrigin;

TEST(CrossOriginTest, NobodyIsAllowedUnlessNamed) {
    std::string wrong;
    const auto none = CrossOrigin::parse("", wrong);
    EXPECT_FALSE(none.is_enabled());
    EXPECT_FALSE(none.allows("https://shop.example"));
    const auto some = CrossOrigin::parse("https://shop.example, http://localhost:3000", wrong);
    EXPECT_EQ(wrong, "");
    EXPECT_TRUE(some.is_enabled());
    EXPECT_TRUE(some.allows("https://shop.example"));
    EXPECT_TRUE(some.allows("http://localhost:3000"));
    for (const auto* other :
         {"http://shop.example",
          "https://shop.example:8443",
          "https://shop.example.evil.example",
          "https://evil-shop.example",
          "null",
          ""}) {
        EXPECT_FALSE(some.allows(other)) << other;
    }
}

TEST(CrossOriginTest, AStarIsEverybody) {
    std::string wrong;
    const auto all = CrossOrigin::parse("*", wrong);
    EXPECT_TRUE(all.allows_all());
    EXPECT_TRUE(all.allows("https://anywhere.example"));
}

TEST(CrossOriginTest, WhatBrowsersNeverSendIsAMistake) {
    for (const auto* text :
         {"shop.example",
          "https://shop.example/",
          "https://Shop.example",
          "https://shop.example:443",
          "http://shop.example:80",
          "https://*.example",
          "https://",
          "null"}) {
        std::string wrong;
        CrossOrigin::parse(std::string("https://good.example,") + text, wrong);
        EXPECT_EQ(wrong, text);
    }
}

}  // namespace
