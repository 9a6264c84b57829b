#include "cli/preflight/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"

namespace cli::preflight {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

base::Environment environment_of(Variables variables) {
    return base::Environment(
        [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            if (found == variables.end()) return std::nullopt;
            return found->second;
        }
    );
}

Variables complete() {
    return {
        {"DATABASE_ADMIN_URL", "postgresql://owner:a%2Fb@db:5432/shop"},
        {"REDIS_SENTINELS", "a:26379,b:26379"},
        {"JWT_SIGNING_KEY", "a key"},
    };
}

TEST(PreflightSettings, reads_what_order_and_gateway_are_told) {
    Variables variables = complete();
    variables["REDIS_PASSWORD"] = "admin";
    variables["REDIS_FALLBACK"] = "primary:6379";
    variables["ORDER_ORIGINS"] = "order-pods:8080";
    auto environment = environment_of(variables);
    Options options;
    options.health_port = 9081;
    const auto settings = Settings::read(environment, options);
    EXPECT_TRUE(environment.problems().empty());
    EXPECT_EQ(settings.redis.sentinels.size(), 2U);
    EXPECT_EQ(settings.redis.fallback->to_string(), "primary:6379");
    ASSERT_EQ(settings.rooms.size(), 1U);
    EXPECT_EQ(settings.rooms[0].room, "order");
    EXPECT_EQ(settings.rooms[0].health.to_string(), (http::Origin{"order-pods", 9081}.to_string()));
    // A secret that anyone would guess is a finding, not a reason to look at nothing.
    ASSERT_EQ(settings.secrets.size(), 2U);
    EXPECT_EQ(settings.secrets[0].value, "a/b");
    EXPECT_EQ(settings.secrets[1].name, "REDIS_PASSWORD");
}

TEST(PreflightSettings, rooms_given_outright_come_before_orders_origins) {
    Variables variables = complete();
    variables["ORDER_ORIGINS"] = "order-pods:8080";
    variables["ROOM_PODS"] = "order=127.0.0.1:1,order=127.0.0.1:2,gateway=gateway-pods:9080";
    auto environment = environment_of(variables);
    const auto settings = Settings::read(environment, {});
    ASSERT_EQ(settings.rooms.size(), 3U);
    EXPECT_EQ(settings.rooms[2].room, "gateway");
    EXPECT_EQ(settings.pods_wanted.at("order"), 2);
}

TEST(PreflightSettings, every_problem_is_named_at_once) {
    auto environment = environment_of(
        {{"REDIS_SENTINELS", "nowhere"},
         {"REDIS_FALLBACK", "x"},
         {"ROOM_PODS", "order"},
         {"DOORBUSTER_URL", "ftp://x"}}
    );
    Settings::read(environment, {});
    for (const char* name :
         {"DATABASE_ADMIN_URL",
          "REDIS_SENTINELS",
          "REDIS_FALLBACK",
          "ROOM_PODS",
          "DOORBUSTER_URL",
          "JWT_SIGNING_KEY"}) {
        EXPECT_THAT(environment.problems(), Contains(HasSubstr(name)));
    }
}

TEST(PreflightSettings, without_a_purchase_no_key_is_needed) {
    Variables variables = complete();
    variables.erase("JWT_SIGNING_KEY");
    Options options;
    options.skip_smoke = true;
    auto environment = environment_of(variables);
    Settings::read(environment, options);
    EXPECT_TRUE(environment.problems().empty());
}

TEST(PreflightSettings, pods) {
    const auto pods = parse_pods("order=2,gateway=3");
    EXPECT_EQ(pods.at("order"), 2);
    EXPECT_EQ(pods.at("gateway"), 3);
    for (const char* text :
         {"order", "order=", "order=0", "order=x", "=2", "order=2,,", "order=2x"}) {
        EXPECT_THROW(parse_pods(text), UsageError) << text;
    }
}

TEST(PreflightSettings, connections_of_the_pools_that_are_named) {
    const auto pools = parse_connections("order=6,order-sale=16");
    ASSERT_EQ(pools.size(), 5U);
    EXPECT_EQ(pools[0].connections_per_pod, 4);
    EXPECT_EQ(pools[3].connections_per_pod, 6);
    EXPECT_EQ(pools[4].application_name, "order-sale");
    EXPECT_EQ(pools[4].room, "order");
    EXPECT_EQ(pools[4].connections_per_pod, 16);
    EXPECT_EQ(parse_connections("")[4].connections_per_pod, 8);
    for (const char* text : {"order", "order=0", "gateway=4", "order=2x"}) {
        EXPECT_THROW(parse_connections(text), UsageError) << text;
    }
}

TEST(PreflightSettings, password_of_a_url) {
    EXPECT_EQ(password_of("postgresql://a:b@c/d"), "b");
    EXPECT_EQ(password_of("postgresql://a:p%40%3a@c:5432/d"), "p@:");
    EXPECT_EQ(password_of("postgresql://a@c:5432/d"), "");
    EXPECT_EQ(password_of("host=x password=y"), "");
}

}  // namespace
}  // namespace cli::preflight
