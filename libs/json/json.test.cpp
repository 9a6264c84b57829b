#include "json/json.hpp"

#include <string>

#include <gtest/gtest.h>

namespace {

/// "path: message" of a text that must be refused.
std::string refusal(std::string_view text) {
    const auto value = json::parse(text);
    if (value) return "accepted as " + json::serialize(*value);
    return value.error().path + ": " + value.error().message;
}

std::string nested(std::size_t levels) {
    return std::string(levels, '[') + std::string(levels, ']');
}

TEST(Json, ReadsWhatItWrites) {
    for (const std::string text :
         {R"({"a":1,"b":[true,false,null],"c":{"d":"e\n\"ü€𝄞"},"f":-2.5E0})",
          "[]",
          "{}",
          "\"\"",
          "18446744073709551615",
          "-9223372036854775808"}) {
        const auto value = json::parse(text);
        ASSERT_TRUE(value) << text << ": " << value.error().message;
        EXPECT_EQ(json::serialize(*value), text);
    }
}

TEST(Json, KeepsSpaceAroundTheValue) {
    const auto value = json::parse(" \n{ \"a\" : [ 1 , 2 ] }\t\r\n ");
    ASSERT_TRUE(value);
    EXPECT_EQ(json::serialize(*value), R"({"a":[1,2]})");
}

TEST(Json, RefusesDuplicateMembersAtAnyDepth) {
    EXPECT_EQ(refusal(R"({"a":1,"a":1})"), "a: duplicate member");
    EXPECT_EQ(refusal(R"({"a":1,"\u0061":2})"), "a: duplicate member");
    EXPECT_EQ(refusal(R"([{},{"b":[{"c":1,"d":2,"c":3}]}])"), "[1].b[0].c: duplicate member");
    EXPECT_EQ(refusal(R"({"":1,"":2})"), ": duplicate member");
}

TEST(Json, RefusesDuplicatesAmongManyMembers) {
    std::string text = "{";
    for (int i = 0; i < 500; ++i) text += "\"member_" + std::to_string(i) + "\":0,";
    EXPECT_EQ(refusal(text + "\"last\":0}").substr(0, 8), "accepted");
    EXPECT_EQ(refusal(text + "\"member_123\":0}"), "member_123: duplicate member");
}

TEST(Json, RefusesWhatIsNotStrictJson) {
    EXPECT_EQ(refusal(""), ": the text ends too early");
    EXPECT_EQ(refusal("{\"a\":"), "a: the text ends too early");
    EXPECT_EQ(refusal("{} {}"), ": text after the end of the value");
    EXPECT_EQ(refusal("[1,]"), "[1]: malformed JSON");
    EXPECT_EQ(refusal("{\"a\":1,}"), "a: malformed JSON");
    EXPECT_EQ(refusal("/* a */ 1"), ": malformed JSON");
    EXPECT_EQ(refusal("{'a':1}"), ": malformed JSON");
    EXPECT_EQ(refusal("\xef\xbb\xbf{}"), ": malformed JSON");
    EXPECT_EQ(refusal("[NaN]"), "[0]: malformed JSON");
    EXPECT_EQ(refusal("01"), ": text after the end of the value");
    EXPECT_EQ(refusal("\"\t\""), ": malformed JSON");
}

TEST(Json, RefusesNumbersThatNoDoubleHolds) {
    EXPECT_EQ(refusal("{\"price\":1e999}"), "price: number out of range");
    EXPECT_EQ(refusal("1e99999999999999"), ": number out of range");
}

TEST(Json, RefusesInvalidUnicode) {
    EXPECT_EQ(refusal("\"\xff\""), ": invalid UTF-8");
    EXPECT_EQ(refusal("\"\xc0\xaf\""), ": invalid UTF-8");
    EXPECT_EQ(refusal("\"\xed\xa0\x80\""), ": invalid UTF-8");
    EXPECT_EQ(refusal(R"("\ud800")"), ": malformed JSON");
    EXPECT_EQ(refusal(R"({"a":"b\u0000"})"), "a: character U+0000 is not allowed");
    EXPECT_EQ(refusal(R"({"\u0000":1})"), ": character U+0000 is not allowed");
}

TEST(Json, BoundsDepthAndSize) {
    EXPECT_TRUE(json::parse(nested(json::depth_max)));
    EXPECT_TRUE(refusal(nested(json::depth_max + 1)).ends_with("nested deeper than 32 levels"));
    EXPECT_TRUE(refusal(std::string(100'000, '[')).ends_with("nested deeper than 32 levels"));
    const std::string longest(json::text_bytes_max, ' ');
    EXPECT_EQ(refusal(longest), ": the text ends too early");
    EXPECT_EQ(refusal(longest + ' '), ": text too long");
}

}  // namespace
