#include "cli/table.hpp"

#include <gtest/gtest.h>

namespace cli {
namespace {

TEST(Table, aligns_text_left_and_numbers_right) {
    EXPECT_EQ(
        table({{"name", "units"}, {"Kaffeemühle", "7"}, {"pan", "1200"}}),
        "name         units\n"
        "Kaffeemühle      7\n"
        "pan           1200\n"
    );
}

TEST(Table, takes_rows_of_any_length) {
    EXPECT_EQ(table({}), "");
    EXPECT_EQ(table({{"a"}, {"b", "c"}}), "a\nb  c\n");
}

}  // namespace
}  // namespace cli
