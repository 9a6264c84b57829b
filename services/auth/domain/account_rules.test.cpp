#include "auth/domain/account_rules.hpp"

#include <gtest/gtest.h>

namespace {

using auth::read_email;

TEST(email, is_normalised) {
    const auto email = read_email("  Ada.Lovelace+shop@Example.COM \n");
    ASSERT_TRUE(email);
    EXPECT_EQ(email->address, "Ada.Lovelace+shop@example.com");
    EXPECT_EQ(email->key, "ada.lovelace+shop@example.com");
}

TEST(email, of_the_longest_kind_is_accepted) {
    const std::string label(61, 'd');
    const std::string domain = '.' + label + '.' + label + '.' + label + ".de";
    const std::string local(64, 'l');
    const std::string longest = local + "@d" + domain.substr(0, 254 - 66);
    EXPECT_EQ(longest.size(), 254u);
    EXPECT_TRUE(read_email(longest)) << longest;
    EXPECT_FALSE(read_email(longest + 'x'));
}

TEST(email, that_nobody_has_is_refused) {
    for (const char* text :
         {"",
          " ",
          "ada",
          "@example.com",
          "ada@",
          "ada@localhost",
          "ada@@example.com",
          "ada@example..com",
          "ada@-example.com",
          "ada@example-.com",
          "ada@exam_ple.com",
          "ada@example.com.",
          ".ada@example.com",
          "ada.@example.com",
          "a..da@example.com",
          "a da@example.com",
          "\"a da\"@example.com",
          "ada@example.com\r\nBcc: eve@example.com",
          "ada<eve@example.com",
          "\xc3\xa4"
          "da@example.com"}) {
        EXPECT_FALSE(read_email(text)) << text;
    }
    EXPECT_FALSE(read_email(std::string(65, 'l') + "@example.com"));
    EXPECT_FALSE(read_email("ada@" + std::string(64, 'd') + ".com"));
    EXPECT_FALSE(read_email(std::string("ada\0@example.com", 16)));
}

TEST(password, has_bounds_in_characters_not_bytes) {
    const auth::Email email{"ada@example.com", "ada@example.com"};
    const auto is_refused = [&](const std::string& password) {
        return auth::password_problem(password, email).has_value();
    };
    EXPECT_TRUE(is_refused(""));
    EXPECT_TRUE(is_refused("123456789"));
    EXPECT_FALSE(is_refused("1234567890"));
    EXPECT_FALSE(is_refused(std::string(256, 'x')));
    EXPECT_TRUE(is_refused(std::string(257, 'x')));
    std::string nine;
    for (int count = 0; count < 9; ++count) nine += "\xf0\x9f\x94\x91";
    EXPECT_TRUE(is_refused(nine));
    EXPECT_FALSE(is_refused(nine + "\xf0\x9f\x94\x91"));
}

TEST(password, is_not_the_email) {
    const auth::Email email{"Ada@example.com", "ada@example.com"};
    EXPECT_TRUE(auth::password_problem("ada@example.com", email));
    EXPECT_TRUE(auth::password_problem("ADA@Example.com", email));
    EXPECT_FALSE(auth::password_problem("ada@example.com!", email));
}

TEST(name, is_optional_and_of_one_line) {
    EXPECT_EQ(auth::read_name("  Ada \t")->value(), "Ada");
    EXPECT_EQ(auth::read_name("   ").value(), std::nullopt);
    EXPECT_FALSE(auth::read_name("Ada\nLovelace"));
    EXPECT_TRUE(auth::read_name(std::string(100, 'a')));
    EXPECT_FALSE(auth::read_name(std::string(101, 'a')));
}

}  // namespace
