#include "gateway/config.hpp"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Read {
    gateway::Config config;
    std::vector<std::string> problems;
};

Read read(std::map<std::string, std::string> variables) {
    variables.insert({
        {"AUTH_ORIGIN", "auth:8080"},
        {"PRODUCT_ORIGIN", "product:8080"},
        {"ECHO_ORIGIN", "echo:8080"},
        {"ORDER_ORIGINS", "order-pods:8080"},
        {"REDIS_SENTINELS", "sentinel:26379"},
    });
    base::Environment environment([&](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
    });
    auto config = gateway::Config::read(environment);
    return {std::move(config), environment.problems()};
}

const gateway::Quota& quota(const Read& read, gateway::Limit limit) {
    return read.config.limits.quotas[static_cast<std::size_t>(limit)];
}

TEST(GatewayConfig, EverythingIsLimitedUnlessSwitchedOff) {
    const auto defaults = read({});
    EXPECT_THAT(defaults.problems, ElementsAre());
    for (const auto& each : defaults.config.limits.quotas) EXPECT_TRUE(each.is_limited());
    const auto other = read({{"RATE_LIMIT_PURCHASE", "5/2"}, {"RATE_LIMIT_BROWSE", "off"}});
    EXPECT_EQ(quota(other, gateway::Limit::purchase).requests, 5);
    EXPECT_EQ(quota(other, gateway::Limit::purchase).window_us, 2'000'000);
    EXPECT_FALSE(quota(other, gateway::Limit::browse).is_limited());
}

TEST(GatewayConfig, QuotasThatCannotBeReadAreNamed) {
    for (const auto* text :
         {"5", "5/", "/5", "0/5", "5/0", "-1/5", "5/1x", "5/1/2", "none", "1e3/1"}) {
        const auto wrong = read({{"RATE_LIMIT_SIGN_IN", text}});
        EXPECT_THAT(wrong.problems, ElementsAre(HasSubstr("RATE_LIMIT_SIGN_IN"))) << text;
    }
}

TEST(GatewayConfig, CookiesAreForNamedSitesOnly) {
    EXPECT_FALSE(read({}).config.cors_allowed.is_enabled());
    const auto named = read({{"CORS_ORIGINS", "https://a.example"}, {"CORS_CREDENTIALS", "true"}});
    EXPECT_THAT(named.problems, ElementsAre());
    EXPECT_TRUE(named.config.cors_credentials);
    const auto all = read({{"CORS_ORIGINS", "*"}, {"CORS_CREDENTIALS", "true"}});
    EXPECT_THAT(all.problems, Contains(HasSubstr("CORS_CREDENTIALS")));
    const auto wrong = read({{"CORS_ORIGINS", "https://a.example/"}});
    EXPECT_THAT(wrong.problems, Contains(HasSubstr("CORS_ORIGINS")));
}

}  // namespace
