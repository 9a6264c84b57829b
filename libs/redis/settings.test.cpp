#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/environment.hpp"
#include "redis/client.hpp"

namespace redis {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

base::Environment environment_of(std::map<std::string, std::string> variables) {
    return base::Environment(
        [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            if (found == variables.end()) return std::nullopt;
            return found->second;
        }
    );
}

TEST(RedisSettings, ReadsWhatEveryProgramIsTold) {
    auto environment = environment_of(
        {{"REDIS_SENTINELS", "one:26379,[::1]:26380"},
         {"REDIS_MASTER_NAME", "shop"},
         {"REDIS_FALLBACK", "primary:6379"},
         {"REDIS_PASSWORD", "kq3F9sJx0vQm2LrTw8Zb"},
         {"REDIS_SENTINEL_PASSWORD", "w8Zbkq3F9sJx0vQm2LrT"}}
    );
    const auto settings = Settings::read(environment);
    EXPECT_THAT(environment.problems(), ElementsAre());
    EXPECT_THAT(settings.sentinels, ElementsAre(Address{"one", 26379}, Address{"::1", 26380}));
    EXPECT_EQ(settings.master_name, "shop");
    EXPECT_EQ(settings.fallback, (Address{"primary", 6379}));
    EXPECT_EQ(settings.password, "kq3F9sJx0vQm2LrTw8Zb");
    EXPECT_EQ(settings.sentinel_password, "w8Zbkq3F9sJx0vQm2LrT");
}

TEST(RedisSettings, OnlyTheSentinelsAreNeeded) {
    auto environment = environment_of({{"REDIS_SENTINELS", "one:26379"}});
    const auto settings = Settings::read(environment);
    EXPECT_THAT(environment.problems(), ElementsAre());
    EXPECT_EQ(settings.master_name, "doorbuster");
    EXPECT_FALSE(settings.fallback.has_value());
    auto empty = environment_of({});
    Settings::read(empty);
    EXPECT_THAT(empty.problems(), ElementsAre(HasSubstr("REDIS_SENTINELS")));
}

TEST(RedisSettings, NamesEveryAddressThatIsNone) {
    auto environment =
        environment_of({{"REDIS_SENTINELS", "one:26379,two,three:x"}, {"REDIS_FALLBACK", "primary"}}
        );
    Settings::read(environment);
    EXPECT_THAT(
        environment.problems(),
        ElementsAre(HasSubstr("\"two\""), HasSubstr("\"three:x\""), HasSubstr("REDIS_FALLBACK"))
    );
}

TEST(RedisSettings, RefusesAPasswordThatAnyoneWouldGuessUnlessItIsToBeJudged) {
    const std::map<std::string, std::string> variables{
        {"REDIS_SENTINELS", "one:26379"}, {"REDIS_PASSWORD", "changeme"}
    };
    auto environment = environment_of(variables);
    EXPECT_EQ(Settings::read(environment).password, "");
    EXPECT_THAT(environment.problems(), Contains(HasSubstr("REDIS_PASSWORD")));
    auto judged = environment_of(variables);
    EXPECT_EQ(Settings::read(judged, Settings::PoorPasswords::kept).password, "changeme");
    EXPECT_THAT(judged.problems(), ElementsAre());
}

}  // namespace
}  // namespace redis
