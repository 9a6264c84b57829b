#include "base/letter_case.hpp"

#include <gtest/gtest.h>

namespace {

TEST(LetterCase, LowersAsciiAndNothingElse) {
    EXPECT_EQ(base::lower_case("AzZ09@[`{-_"), "azz09@[`{-_");
    EXPECT_EQ(base::lower_case("\xc3\x84"), "\xc3\x84") << "no letter of ASCII";
    EXPECT_EQ(base::lower_case(""), "");
}

}  // namespace
