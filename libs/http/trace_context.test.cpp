#include "http/trace_context.hpp"

#include <gtest/gtest.h>

namespace {

using http::TraceContext;

const std::string trace_id = "0af7651916cd43dd8448eb211c80319c";
const std::string valid = "00-" + trace_id + "-b7ad6b7169203331-01";

std::string next_hop(const TraceContext& trace) {
    std::string text;
    trace.append_next_hop(text);
    return text;
}

TEST(Trace, IsTakenOver) {
    const auto read = TraceContext::parse(valid);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->trace_id(), trace_id);
    const auto next = next_hop(*read);
    EXPECT_EQ(next.substr(0, 36), valid.substr(0, 36));
    EXPECT_NE(next.substr(36, 16), valid.substr(36, 16)) << "each hop has its own span";
    EXPECT_NE(next, next_hop(*read));
    EXPECT_TRUE(next.ends_with("-01"));
    EXPECT_TRUE(TraceContext::parse(next).has_value());
}

TEST(Trace, KeepsTheSampledFlagOnly) {
    const auto flags = [](const std::string& value) {
        const auto read = TraceContext::parse(valid.substr(0, 53) + value);
        return read ? next_hop(*read).substr(53) : "";
    };
    EXPECT_EQ(flags("00"), "00");
    EXPECT_EQ(flags("ff"), "01");
    EXPECT_EQ(flags("02"), "00");
    EXPECT_EQ(flags("0b"), "01");
}

TEST(Trace, TakesLaterVersionsWithMore) {
    EXPECT_TRUE(TraceContext::parse("cc" + valid.substr(2)).has_value());
    EXPECT_TRUE(TraceContext::parse("cc" + valid.substr(2) + "-more").has_value());
    EXPECT_FALSE(TraceContext::parse("cc" + valid.substr(2) + ".more").has_value());
}

TEST(Trace, RefusesWhatIsNotValid) {
    const std::string zeros(32, '0');
    for (const auto& text :
         {std::string(),
          std::string("00"),
          valid.substr(1),
          valid + "-x",
          valid + " ",
          "ff" + valid.substr(2),
          "0G" + valid.substr(2),
          "00-" + zeros + "-b7ad6b7169203331-01",
          "00-" + trace_id + "-0000000000000000-01",
          std::string("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"),
          "00-" + trace_id + "_b7ad6b7169203331-01",
          "00-" + trace_id + "-b7ad6b7169203331-0x"}) {
        EXPECT_FALSE(TraceContext::parse(text).has_value()) << text;
    }
}

TEST(Trace, StartsAnew) {
    const auto one = TraceContext::make();
    EXPECT_NE(one.trace_id(), TraceContext::make().trace_id());
    const auto next = next_hop(one);
    ASSERT_TRUE(TraceContext::parse(next).has_value()) << next;
    EXPECT_TRUE(next.ends_with("-00"));
}

}  // namespace
