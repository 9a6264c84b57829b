#include "base/environment.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <gtest/gtest.h>

namespace {

using Variables = std::map<std::string, std::string>;

base::Environment environment_of(Variables variables) {
    return base::Environment([variables](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
    });
}

using Problems = std::vector<std::string>;

class EnvironmentFile : public testing::Test {
  protected:
    std::string file_with(const std::string& content) {
        const std::string path = folder_ / ("file_" + std::to_string(count_++));
        std::ofstream(path, std::ios::binary) << content;
        return path;
    }

    void SetUp() override {
        std::string pattern = std::filesystem::temp_directory_path() / "environment_XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::filesystem::path folder_;
    int count_ = 0;
};

TEST(Environment, ReadsWhatIsSet) {
    auto environment =
        environment_of({{"HOST", "redis"}, {"PORT", "6379"}, {"DEBUG", "true"}, {"QUIET", "0"}});
    EXPECT_EQ(environment.text("HOST", "where Redis is"), "redis");
    EXPECT_EQ(environment.integer_or("PORT", 1, 1, 65535, "its port"), 6379);
    EXPECT_TRUE(environment.flag_or("DEBUG", false, "say more"));
    EXPECT_FALSE(environment.flag_or("QUIET", true, "say less"));
    EXPECT_TRUE(environment.problems().empty());
}

TEST(Environment, FallsBackWhenUnsetOrEmpty) {
    auto environment = environment_of({{"EMPTY", ""}});
    EXPECT_EQ(environment.text_or("EMPTY", "there", "a place"), "there");
    EXPECT_EQ(environment.text_or("UNSET", "there", "a place"), "there");
    EXPECT_EQ(environment.integer_or("EMPTY", 5, 0, 9, "a number"), 5);
    EXPECT_TRUE(environment.flag_or("UNSET", true, "a flag"));
    EXPECT_EQ(environment.optional_secret("UNSET", "a secret"), "");
    EXPECT_TRUE(environment.problems().empty());
}

TEST(Environment, CollectsEveryProblemWithItsRemedy) {
    auto environment = environment_of({{"PORT", "70000"}, {"COUNT", "3x"}, {"DEBUG", "yes"}});
    environment.text("HOST", "the database's address");
    environment.integer_or("PORT", 1, 1, 65535, "the port to listen on");
    environment.integer_or("COUNT", 1, 1, 9, "how many");
    environment.flag_or("DEBUG", false, "say more");
    environment.problem("HOST", "has no port", "Write host:port");
    EXPECT_EQ(
        environment.problems(),
        (Problems{
            "HOST is missing: the database's address. Set HOST or HOST_FILE.",
            "PORT is \"70000\": the port to listen on. Use an integer from 1 to 65535.",
            "COUNT is \"3x\": how many. Use an integer from 1 to 9.",
            "DEBUG is \"yes\": say more. Use true or false.",
            "HOST has no port. Write host:port.",
        })
    );
}

TEST(Environment, RefusesShortAndObviousSecretsWithoutShowingThem) {
    const std::string random = "k3Zr9vQ2mX7pL5tB";
    for (const std::string bad :
         {"k3Zr9vQ2mX7pL5t",
          "changeme",
          "ChangeMe12345678",
          "passwordpassword",
          "secretsecretsecret",
          "aaaaaaaaaaaaaaaaaaaa"}) {
        auto environment = environment_of({{"KEY", bad}});
        EXPECT_EQ(environment.secret("KEY", 16, "signs cursors"), "") << bad;
        ASSERT_EQ(environment.problems().size(), 1u) << bad;
        EXPECT_EQ(environment.problems()[0].find(bad), std::string::npos);
    }
    auto environment = environment_of({{"KEY", random}, {"OPTIONAL", "changeme"}});
    EXPECT_EQ(environment.secret("KEY", 16, "signs cursors"), random);
    EXPECT_TRUE(environment.problems().empty());
    EXPECT_EQ(environment.optional_secret("OPTIONAL", "redis password"), "");
    EXPECT_EQ(
        environment.problems(),
        Problems{"OPTIONAL is a value that anyone would guess. Use random bytes."}
    );
    auto without = environment_of({});
    without.secret("KEY", 16, "signs cursors");
    EXPECT_EQ(without.problems(), Problems{"KEY is missing: signs cursors. Set KEY or KEY_FILE."});
}

TEST(Environment, DescribesEveryVariableInATable) {
    auto environment = environment_of({{"DATABASE_PASSWORD", "k3Zr9vQ2mX7pL5tB"}});
    environment.text("HOST", "the database's address");
    environment.integer_or("PORT", 5432, 1, 65535, "its port");
    environment.secret("DATABASE_PASSWORD", 8, "of the login role");
    environment.optional_secret("REDIS_PASSWORD", "of Redis");
    environment.text_or("PREFIX", "", "of all keys");
    EXPECT_EQ(
        environment.describe(),
        "HOST               required          the database's address\n"
        "PORT               5432              its port\n"
        "DATABASE_PASSWORD  required, secret  of the login role\n"
        "REDIS_PASSWORD     none, secret      of Redis\n"
        "PREFIX             none              of all keys\n"
    );
}

TEST(Environment, ReadsTheProcess) {
    ASSERT_EQ(setenv("DOORBUSTER_ENVIRONMENT_TEST", "here", 1), 0);
    base::Environment environment;
    EXPECT_EQ(environment.text("DOORBUSTER_ENVIRONMENT_TEST", "a test"), "here");
    unsetenv("DOORBUSTER_ENVIRONMENT_TEST");
    EXPECT_EQ(environment.text("DOORBUSTER_ENVIRONMENT_TEST", "a test"), "");
}

TEST_F(EnvironmentFile, IsReadWithoutItsTrailingNewline) {
    auto environment = environment_of(
        {{"A_FILE", file_with("k3Zr9vQ2mX7pL5tB\n")},
         {"B_FILE", file_with(" two\nlines ")},
         {"C_FILE", file_with("7\r\n")}}
    );
    EXPECT_EQ(environment.secret("A", 16, "a key"), "k3Zr9vQ2mX7pL5tB");
    EXPECT_EQ(environment.text("B", "a text"), " two\nlines ");
    EXPECT_EQ(environment.integer_or("C", 1, 1, 9, "a number"), 7);
    EXPECT_TRUE(environment.problems().empty());
}

TEST_F(EnvironmentFile, FailsWithOneProblemThatNamesTheFile) {
    const std::string absent = folder_ / "absent";
    const std::string huge = file_with(std::string(70'000, 'x'));
    auto environment = environment_of(
        {{"ABSENT_FILE", absent},
         {"HUGE_FILE", huge},
         {"FOLDER_FILE", folder_},
         {"BOTH", "x"},
         {"BOTH_FILE", huge},
         {"EMPTY_FILE", file_with("\n")}}
    );
    for (const std::string name : {"ABSENT", "HUGE", "FOLDER", "BOTH", "EMPTY"}) {
        EXPECT_EQ(environment.text(name, "a text"), "") << name;
    }
    EXPECT_EQ(
        environment.problems(),
        (Problems{
            "ABSENT_FILE names " + absent +
                ", which can't be read. Use a file that this process may read.",
            "HUGE_FILE names " + huge + ", which is too long. Use a file of at most 64 KiB.",
            "FOLDER_FILE names " + folder_.string() +
                ", which can't be read. Use a file that this process may read.",
            "BOTH is set, and so is BOTH_FILE. Keep only one of them.",
            "EMPTY is missing: a text. Set EMPTY or EMPTY_FILE.",
        })
    );
}

TEST_F(EnvironmentFile, MayComeAndGoWhereThatIsAllowed) {
    const std::string absent = folder_ / "absent";
    const std::string there = file_with("k3Zr9vQ2mX7pL5tB");
    auto environment = environment_of(
        {{"A_FILE", absent}, {"B_FILE", absent}, {"C_FILE", there}, {"D", "k3Zr9vQ2mX7pL5tB"}}
    );
    using enum base::Environment::MissingFile;
    EXPECT_EQ(environment.optional_secret("A", "a key", is_absent), "");
    EXPECT_TRUE(environment.problems().empty());
    EXPECT_EQ(environment.optional_secret("B", "a key"), "");
    EXPECT_EQ(environment.problems().size(), 1u) << "it is a mistake elsewhere";
    EXPECT_EQ(environment.optional_secret("C", "a key", is_absent), "k3Zr9vQ2mX7pL5tB");
    EXPECT_EQ(environment.file_of("A"), absent);
    EXPECT_EQ(environment.file_of("D"), std::nullopt);
    EXPECT_EQ(environment.problems().size(), 1u);
}

}  // namespace
