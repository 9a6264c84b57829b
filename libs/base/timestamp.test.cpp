#include "base/timestamp.hpp"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace {

TEST(Timestamp, FormatsInUtcWithMilliseconds) {
    EXPECT_EQ(base::format_timestamp(0), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(base::format_timestamp(1'795'341'600'007), "2026-11-22T10:00:00.007Z");
    EXPECT_EQ(base::format_timestamp(951'782'399'999), "2000-02-28T23:59:59.999Z");
    EXPECT_EQ(base::format_timestamp(-1), "1969-12-31T23:59:59.999Z");
}

TEST(Timestamp, ClampsWhatTheFormatCanNotHold) {
    using Limits = std::numeric_limits<std::int64_t>;
    EXPECT_EQ(base::format_timestamp(Limits::max()), "9999-12-31T23:59:59.999Z");
    EXPECT_EQ(base::format_timestamp(Limits::min()), "0000-01-01T00:00:00.000Z");
}

TEST(Timestamp, ReadsOffsetsAndFractions) {
    const std::int64_t ten = 1'795'341'600'000;
    EXPECT_EQ(base::parse_timestamp("2026-11-22T10:00:00Z"), ten);
    EXPECT_EQ(base::parse_timestamp("2026-11-22t10:00:00z"), ten);
    EXPECT_EQ(base::parse_timestamp("2026-11-22T15:30:00+05:30"), ten);
    EXPECT_EQ(base::parse_timestamp("2026-11-21T23:00:00-11:00"), ten);
    EXPECT_EQ(base::parse_timestamp("2026-11-22T10:00:00.5Z"), ten + 500);
    EXPECT_EQ(base::parse_timestamp("2026-11-22T10:00:00.123999Z"), ten + 123);
    EXPECT_EQ(base::parse_timestamp("2024-02-29T00:00:00Z"), 1'709'164'800'000);
}

TEST(Timestamp, RefusesWhatIsNoRealTime) {
    for (const std::string text :
         {"",
          "2026-11-22",
          "2026-11-22 10:00:00Z",
          "2026-11-22T10:00:00",
          "2026-11-22T10:00Z",
          "2026-11-22T10:00:00.Z",
          "2026-11-22T10:00:00+0530",
          "2026-11-22T10:00:00+24:00",
          "2026-11-22T10:00:00Z ",
          "2026-02-29T00:00:00Z",
          "2026-04-31T00:00:00Z",
          "2026-00-10T00:00:00Z",
          "2026-13-10T00:00:00Z",
          "2026-11-22T24:00:00Z",
          "2026-11-22T23:60:00Z",
          "2026-11-22T23:59:60Z",
          "+026-11-22T10:00:00Z"}) {
        EXPECT_FALSE(base::parse_timestamp(text)) << text;
    }
}

TEST(Timestamp, NowRoundTrips) {
    const std::int64_t now_ms = base::unix_now_ms();
    EXPECT_EQ(base::parse_timestamp(base::format_timestamp(now_ms)), now_ms);
}

}  // namespace
