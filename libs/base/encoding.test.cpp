#include "base/encoding.hpp"

#include <string>

#include <gtest/gtest.h>

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes bytes_of(std::string_view text) {
    return {text.begin(), text.end()};
}

std::string quoted(std::string_view text) {
    std::string out;
    base::append_json_string(out, text);
    return out;
}

TEST(Hex, RoundTrips) {
    EXPECT_EQ(base::to_hex(Bytes{0x00, 0x7f, 0xff}), "007fff");
    EXPECT_EQ(base::from_hex("007fFF"), (Bytes{0x00, 0x7f, 0xff}));
    EXPECT_EQ(base::from_hex(""), Bytes{});
    EXPECT_FALSE(base::from_hex("0"));
    EXPECT_FALSE(base::from_hex("0g"));
}

// The vectors of RFC 4648, section 10, without padding.
TEST(Base64Url, MatchesTheRfc) {
    const std::pair<const char*, const char*> vectors[] = {
        {"", ""},
        {"f", "Zg"},
        {"fo", "Zm8"},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg"},
        {"fooba", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "-__-"}
    };
    for (const auto& [plain, text] : vectors) {
        EXPECT_EQ(base::to_base64url(bytes_of(plain)), text);
        EXPECT_EQ(base::from_base64url(text), bytes_of(plain));
    }
}

TEST(Base64Url, EachByteStringHasOneText) {
    for (const std::string text : {"Zg==", "Zh", "Zm9", "Z", "Zm9vY", "+//+", "Zm 9", "Zm9v\n"}) {
        EXPECT_FALSE(base::from_base64url(text)) << text;
    }
}

TEST(Utf8, AcceptsAndRefuses) {
    EXPECT_TRUE(base::is_utf8("plain, \xc3\xbc, \xe2\x82\xac, \xf0\x9d\x84\x9e, \xf4\x8f\xbf\xbf"));
    for (const std::string text :
         {"\x80",
          "\xc3",
          "\xc0\x80",
          "\xc1\xbf",
          "\xe0\x9f\xbf",
          "\xed\xa0\x80",
          "\xf0\x8f\xbf\xbf",
          "\xf4\x90\x80\x80",
          "\xf5\x80\x80\x80",
          "\xe2\x82",
          "\xe2\x28\xa1"}) {
        EXPECT_FALSE(base::is_utf8(text)) << base::to_hex(bytes_of(text));
    }
}

TEST(JsonString, EscapesAndReplaces) {
    EXPECT_EQ(quoted("plain"), R"("plain")");
    EXPECT_EQ(quoted("a\"b\\c\n\r\t\x01\x1f\x7f"), "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f\x7f\"");
    EXPECT_EQ(quoted(std::string_view("\0", 1)), R"("\u0000")");
    EXPECT_EQ(quoted("\xc3\xbc\xff!\xe2\x82"), "\"\xc3\xbc\xef\xbf\xbd!\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(SecretsEqual, ComparesWholeTexts) {
    EXPECT_TRUE(base::secrets_equal("", ""));
    EXPECT_TRUE(base::secrets_equal("abc", "abc"));
    EXPECT_FALSE(base::secrets_equal("abc", "abd"));
    EXPECT_FALSE(base::secrets_equal("xbc", "abc"));
    EXPECT_FALSE(base::secrets_equal("abc", "abcd"));
    EXPECT_FALSE(base::secrets_equal("", "a"));
}

}  // namespace
