#include "logging/logging.hpp"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "base/timestamp.hpp"

namespace {

std::string written(const auto& work) {
    testing::internal::CaptureStderr();
    work();
    return testing::internal::GetCapturedStderr();
}

/// A line without its time, which is checked and cut out.
std::string without_time(const std::string& line) {
    const std::string start = "{\"time\":\"";
    EXPECT_EQ(line.substr(0, start.size()), start);
    const std::string time = line.substr(start.size(), 24);
    const auto read = base::parse_timestamp(time);
    EXPECT_TRUE(read) << time;
    EXPECT_LT(std::abs(base::unix_now_ms() - read.value_or(0)), 60'000);
    return line.substr(start.size() + 26);
}

TEST(Logging, WritesOneJsonObjectALine) {
    logging::configure("order", logging::Level::info);
    const std::string line = written([] {
        const std::string path = "/api/v1/\"orders\"\n";
        logging::info(
            "served",
            {{"path", path},
             {"status", 201},
             {"bytes", std::size_t{7}},
             {"seconds", 0.25},
             {"cached", false},
             {"method", "GET"},
             {"bad", std::string_view("\xff")}}
        );
    });
    EXPECT_EQ(
        without_time(line),
        R"("level":"info","service":"order","message":"served",)"
        R"("path":"/api/v1/\"orders\"\n","status":201,"bytes":7,"seconds":0.25,)"
        "\"cached\":false,\"method\":\"GET\",\"bad\":\"\xef\xbf\xbd\"}\n"
    );
}

TEST(Logging, KeepsTemplatesOfTheSinkOutOfTheText) {
    logging::configure("a \"room\"", logging::Level::info);
    const std::string line = written([] { logging::error("100 %v {} %d"); });
    EXPECT_EQ(
        without_time(line),
        "\"level\":\"error\",\"service\":\"a \\\"room\\\"\",\"message\":\"100 %v {} %d\"}\n"
    );
}

TEST(Logging, SkipsLevelsBelowTheLowest) {
    logging::configure("order", logging::Level::warning);
    EXPECT_FALSE(logging::enabled(logging::Level::info));
    EXPECT_TRUE(logging::enabled(logging::Level::warning));
    EXPECT_EQ(written([] { logging::debug("no"), logging::info("no"); }), "");
    EXPECT_NE(written([] { logging::warning("yes"); }), "");
    logging::configure("order", logging::Level::debug);
    EXPECT_NE(written([] { logging::debug("yes"); }), "");
}

TEST(Logging, WritesNumbersThatJsonHas) {
    logging::configure("order", logging::Level::info);
    const std::string line =
        written([] { logging::info("n", {{"nan", std::nan("")}, {"low", INT64_MIN}}); });
    EXPECT_NE(line.find("\"nan\":null,\"low\":-9223372036854775808}"), std::string::npos) << line;
}

TEST(Logging, ReadsLevels) {
    logging::Level level = logging::Level::info;
    EXPECT_TRUE(logging::parse_level("error", level));
    EXPECT_EQ(level, logging::Level::error);
    EXPECT_TRUE(logging::parse_level("debug", level));
    EXPECT_EQ(level, logging::Level::debug);
    EXPECT_FALSE(logging::parse_level("loud", level));
    EXPECT_EQ(level, logging::Level::debug);
}

}  // namespace
