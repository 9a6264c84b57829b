#include "auth/config.hpp"

#include <map>

#include <gtest/gtest.h>

namespace {

base::Environment environment_of(std::map<std::string, std::string> variables) {
    return base::Environment([variables = std::move(variables)](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
}

TEST(config, has_defaults_for_all_but_secrets) {
    const std::string pem = token::SigningKey::generate_pem();
    auto environment = environment_of(
        {{"DATABASE_URL", "postgresql://auth:pass@localhost/doorbuster"}, {"JWT_SIGNING_KEY", pem}}
    );
    const auto config = auth::Config::read(environment);
    EXPECT_TRUE(environment.problems().empty());
    ASSERT_EQ(config.keys.size(), 1u);
    EXPECT_EQ(config.keys[0].kid(), token::SigningKey::from_pem(pem).kid());
    EXPECT_FALSE(config.key_files) << "nothing to look at again";
    EXPECT_EQ(config.lifetimes.access_s, 600);
    EXPECT_EQ(config.hashing.threads, 1u);
}

TEST(config, takes_several_other_keys) {
    const std::string signing = token::SigningKey::generate_pem();
    const std::string other = token::SigningKey::generate_pem();
    std::map<std::string, std::string> variables{
        {"DATABASE_URL", "postgresql://auth:pass@localhost/doorbuster"},
        {"JWT_SIGNING_KEY", signing},
        {"JWT_OTHER_KEY", other + signing}
    };
    auto environment = environment_of(variables);
    EXPECT_EQ(auth::Config::read(environment).keys.size(), 3u);
    EXPECT_TRUE(environment.problems().empty());

    for (int count = 0; count <= 4; ++count) variables["JWT_OTHER_KEY"] += other;
    auto too_many = environment_of(variables);
    auth::Config::read(too_many);
    ASSERT_EQ(too_many.problems().size(), 1u);
    EXPECT_TRUE(too_many.problems()[0].starts_with("JWT_OTHER_KEY")) << too_many.problems()[0];
}

TEST(config, reports_every_problem_and_no_secret) {
    auto environment = environment_of(
        {{"JWT_SIGNING_KEY", "-----BEGIN NONSENSE-----"}, {"ACCESS_TOKEN_LIFETIME_S", "601"}}
    );
    auth::Config::read(environment);
    ASSERT_EQ(environment.problems().size(), 3u);
    std::string all;
    for (const auto& problem : environment.problems()) all += problem + '\n';
    EXPECT_NE(all.find("DATABASE_URL"), std::string::npos);
    EXPECT_NE(all.find("openssl genpkey"), std::string::npos);
    EXPECT_NE(all.find("ACCESS_TOKEN_LIFETIME_S"), std::string::npos);
    EXPECT_EQ(all.find("NONSENSE"), std::string::npos);
}

}  // namespace
