#include "cli/preflight/guessable.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "token/access_token.hpp"

namespace cli::preflight {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(PreflightSecrets, well_known_words_in_every_dress) {
    for (const char* text :
         {"",
          "postgres",
          "Password",
          "redis_pass",
          "changeme",
          "CHANGE-ME",
          "admin",
          "aaaaaaaaaaaaaa",
          "secretsecret",
          "postgres123",
          "P@ssw0rd",
          "doorbuster_admin",
          "my-secret-key",
          "12345678",
          "redis-password-1"}) {
        EXPECT_TRUE(is_guessable(text)) << text;
    }
    for (const std::string& text : well_known_passwords()) EXPECT_TRUE(is_guessable(text)) << text;
}

TEST(PreflightSecrets, random_ones_pass) {
    for (const char* text :
         {"kq3F9sJx0vQm2LrT",
          "0b4f1c9de27a6835",
          "correct horse battery staple",
          "83651940275836194027",
          "test-9f2c71be64a05d38"}) {
        EXPECT_FALSE(is_guessable(text)) << text;
    }
}

TEST(PreflightSecrets, are_named_and_never_shown) {
    const auto good = judge_secrets({{"REDIS_PASSWORD", "kq3F9sJx0vQm2LrTw8Zb"}});
    EXPECT_EQ(good.verdict, Verdict::ok) << good.found;
    const auto poor =
        judge_secrets({{"REDIS_PASSWORD", "redis_pass"}, {"ADMIN_PASSWORD", "kq3F9sJx0vQm2LrTw8Zb"}}
        );
    EXPECT_EQ(poor.verdict, Verdict::failed);
    EXPECT_THAT(poor.found, HasSubstr("REDIS_PASSWORD"));
    EXPECT_THAT(poor.found, Not(HasSubstr("redis_pass")));
    EXPECT_THAT(poor.found, Not(HasSubstr("ADMIN_PASSWORD")));
    EXPECT_EQ(judge_secrets({{"A", "kq3F9sJx"}}).verdict, Verdict::failed) << "too short";
    EXPECT_EQ(judge_secrets({{"A", "abababababababab"}}).verdict, Verdict::failed);
    EXPECT_EQ(judge_secrets({{"A", "kq3F9sJx0vQm"}}).verdict, Verdict::warning);
    EXPECT_EQ(judge_secrets({}).verdict, Verdict::warning);
}

constexpr std::string_view key_of_the_tests = R"(-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIE4h0cxMHxSAmRCm9tNsnmtGoExnuvIZzX6YoPDT0eXqoAoGCCqGSM49
AwEHoUQDQgAEyWkl3KyGYom5BtXl17DIVrlNUD5Q7F2fiZrub6iURd4uKlH6ZB42
2M4Bz5AfdhZfKW3Tk2K4+dQ9p7HlECVFRA==
-----END EC PRIVATE KEY-----
)";

TEST(PreflightSecrets, a_published_signing_key_is_refused) {
    EXPECT_EQ(judge_signing_key(token::SigningKey::generate_pem()).verdict, Verdict::ok);
    const auto published = judge_signing_key(key_of_the_tests);
    EXPECT_EQ(published.verdict, Verdict::failed);
    EXPECT_THAT(published.found, HasSubstr("published"));
    EXPECT_EQ(judge_signing_key("not a key").verdict, Verdict::failed);
}

TEST(PreflightSecrets, a_scram_verifier_tells_its_password) {
    // The exchange of RFC 7677: user "user", password "pencil", its salt and 4096 iterations.
    const std::string verifier =
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    EXPECT_TRUE(is_scram_password(verifier, "pencil"));
    EXPECT_FALSE(is_scram_password(verifier, "pencils"));
    EXPECT_FALSE(is_scram_password("md5c9a21c9d", "pencil"));
    EXPECT_FALSE(is_scram_password("SCRAM-SHA-256$4096:x", "pencil"));
}

}  // namespace
}  // namespace cli::preflight
