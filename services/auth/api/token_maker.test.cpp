#include "auth/api/token_maker.hpp"

#include <gtest/gtest.h>

namespace {

using auth::api::TokenMaker;

const std::string first = token::SigningKey::generate_pem();
const std::string second = token::SigningKey::generate_pem();

std::vector<token::SigningKey> keys(std::initializer_list<std::string> texts) {
    std::vector<token::SigningKey> read;
    for (const auto& text : texts) read.push_back(token::SigningKey::from_pem(text));
    return read;
}

TEST(token_maker, publishes_each_key_once_and_the_one_that_signs_first) {
    TokenMaker tokens(keys({first, second, first}), {});
    EXPECT_EQ(tokens.keys(), 2u);
    EXPECT_EQ(tokens.signing_kid(), token::SigningKey::from_pem(first).kid());
    EXPECT_LT(tokens.jwks().find(tokens.signing_kid()), tokens.jwks().size() / 2);
    EXPECT_FALSE(tokens.use(keys({first, second}))) << "the same keys";
    EXPECT_TRUE(tokens.use(keys({second, first}))) << "another one signs";
    EXPECT_EQ(tokens.signing_kid(), token::SigningKey::from_pem(second).kid());
}

TEST(token_maker, finds_a_successor_that_was_made_by_another_key) {
    const auto token = TokenMaker::new_refresh_token();
    TokenMaker before(keys({first, second}), {});
    TokenMaker after(keys({second, first}), {});
    const auto made = before.successors_of(token);
    const auto found = after.successors_of(token);
    ASSERT_EQ(made.size(), 2u);
    EXPECT_EQ(made[0].text, found[1].text);
    EXPECT_EQ(made[1].text, found[0].text);
    EXPECT_NE(made[0].text, made[1].text);
}

}  // namespace
