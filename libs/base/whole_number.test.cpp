#include "base/whole_number.hpp"

#include <cstdint>

#include <gtest/gtest.h>

namespace {

using base::whole_number;

TEST(WholeNumber, IsAllOfTheText) {
    EXPECT_EQ(whole_number<std::int64_t>("250"), 250);
    EXPECT_EQ(whole_number<std::int64_t>("-5"), -5);
    for (const char* text : {"", "-", "+5", " 5", "5 ", "5x", "soon", "1e9", "0x10"}) {
        EXPECT_FALSE(whole_number<std::int64_t>(text).has_value()) << text;
    }
}

TEST(WholeNumber, FitsItsType) {
    EXPECT_EQ(whole_number<std::uint16_t>("65535"), 65535);
    EXPECT_FALSE(whole_number<std::uint16_t>("65536").has_value());
    EXPECT_FALSE(whole_number<std::uint16_t>("-1").has_value());
    EXPECT_FALSE(whole_number<std::int64_t>("99999999999999999999").has_value());
}

}  // namespace
