#include "http/conditional.hpp"

#include <gtest/gtest.h>

namespace {

TEST(EntityTag, IsStrongAndOfTheContent) {
    EXPECT_EQ(http::strong_tag("v7"), "\"v7\"");
    const auto one = http::tag_of("a page");
    EXPECT_EQ(one, http::tag_of("a page"));
    EXPECT_NE(one, http::tag_of("a Page"));
    EXPECT_NE(one, http::tag_of("a page "));
    EXPECT_TRUE(one.starts_with("\"6-")) << one;
    EXPECT_EQ(http::tag_of(""), "\"0-cbf29ce484222325\"") << "the hash's own offset basis";
}

TEST(EntityTag, MatchesWeaklyInLists) {
    const std::string tag = "\"b\"";
    for (const auto* list :
         {"\"b\"",
          "W/\"b\"",
          "\"a\", \"b\"",
          "\"a\" ,\tW/\"b\" , \"c\"",
          "*",
          " * ",
          ",,\"b\"",
          "\"x,y\", \"b\""}) {
        EXPECT_TRUE(http::matches_weakly(list, tag)) << list;
    }
    for (const auto* list :
         {"",
          "b",
          "\"a\"",
          "\"b",
          "b\"",
          "\"B\"",
          "\"a\" \"b\"",
          "w/\"b\"",
          "*, \"a\"",
          "\"a, b\"",
          "W/",
          "\""}) {
        EXPECT_FALSE(http::matches_weakly(list, tag)) << list;
    }
    EXPECT_TRUE(http::matches_weakly("\"b\"", "W/\"b\""));
}

TEST(EntityTag, MatchesStronglyOnlyStrongOnes) {
    EXPECT_TRUE(http::matches_strongly("\"a\", \"b\"", "\"b\""));
    EXPECT_TRUE(http::matches_strongly("*", "\"b\""));
    EXPECT_FALSE(http::matches_strongly("W/\"b\"", "\"b\""));
    EXPECT_FALSE(http::matches_strongly("\"b\"", "W/\"b\""));
    EXPECT_FALSE(http::matches_strongly("W/\"b\"", "W/\"b\""));
}

TEST(EntityTag, ReadsEveryHeaderOfThatName) {
    http::Request request;
    EXPECT_FALSE(http::knows_version(request, "\"b\""));
    request.headers.add("If-None-Match", "\"a\"");
    request.headers.add("if-none-match", "\"b\"");
    EXPECT_TRUE(http::knows_version(request, "\"b\""));
    const auto answer = http::not_modified("\"b\"");
    EXPECT_EQ(answer.status, 304);
    EXPECT_EQ(answer.headers.get("ETag"), "\"b\"");
}

TEST(EntityTag, DiffersByContentCodingAndBack) {
    EXPECT_EQ(http::with_coding("\"a\""), "\"a-gzip\"");
    EXPECT_EQ(http::with_coding("W/\"a\""), "W/\"a\"");
    std::string list = "\"a-gzip\", W/\"b-gzip\", \"c\", \"-gzip-d\"";
    EXPECT_TRUE(http::take_coding_off(list));
    EXPECT_EQ(list, "\"a\", W/\"b\", \"c\", \"-gzip-d\"");
    EXPECT_FALSE(http::take_coding_off(list));
}

}  // namespace
