#include "gateway/domain/busy_paths.hpp"

#include <gtest/gtest.h>

namespace {

using gateway::BusyLimits;
using gateway::BusyPaths;

constexpr BusyLimits limits{.paths_max = 2, .for_max_ms = 100};

TEST(BusyPathsTest, OneIsBusyForAsLongAsItsRoomSaid) {
    BusyPaths paths(limits);
    EXPECT_FALSE(paths.is_busy("POST", "/a", 1000));
    paths.note("POST", "/a", 30, 1000);
    EXPECT_TRUE(paths.is_busy("POST", "/a", 1000));
    EXPECT_TRUE(paths.is_busy("POST", "/a", 1029));
    EXPECT_FALSE(paths.is_busy("POST", "/a", 1030));
    EXPECT_FALSE(paths.is_busy("GET", "/a", 1000)) << "another method is another question";
    EXPECT_FALSE(paths.is_busy("POST", "/b", 1000));
}

TEST(BusyPathsTest, AnotherSpellingIsNoWayRoundIt) {
    BusyPaths paths(limits);
    paths.note("POST", "/sales/0aF/orders", 30, 1000);
    EXPECT_TRUE(paths.is_busy("POST", "/sales/0Af/orders", 1000));
    EXPECT_FALSE(paths.is_busy("POST", "/sales/0b0/orders", 1000));
}

TEST(BusyPathsTest, TheLastWordCounts) {
    BusyPaths paths(limits);
    paths.note("POST", "/a", 50, 1000);
    paths.note("POST", "/a", 10, 1010);
    EXPECT_TRUE(paths.is_busy("POST", "/a", 1019));
    EXPECT_FALSE(paths.is_busy("POST", "/a", 1020));
}

TEST(BusyPathsTest, NoRoomCloses) {
    BusyPaths paths(limits);
    paths.note("POST", "/a", 1'000'000'000'000, 1000);
    EXPECT_TRUE(paths.is_busy("POST", "/a", 1099));
    EXPECT_FALSE(paths.is_busy("POST", "/a", 1100));
    paths.note("POST", "/b", 0, 1000);
    paths.note("POST", "/b", -5, 1000);
    EXPECT_FALSE(paths.is_busy("POST", "/b", 1000));
    BusyPaths deaf({.paths_max = 2, .for_max_ms = 0});
    deaf.note("POST", "/a", 30, 1000);
    EXPECT_FALSE(deaf.is_busy("POST", "/a", 1000));
}

TEST(BusyPathsTest, RemembersSoManyAndForgetsThoseThatAreOver) {
    BusyPaths paths(limits);
    paths.note("POST", "/a", 10, 1000);
    paths.note("POST", "/b", 50, 1000);
    paths.note("POST", "/c", 50, 1005);
    EXPECT_FALSE(paths.is_busy("POST", "/c", 1005)) << "no place";
    paths.note("POST", "/b", 60, 1005);
    EXPECT_TRUE(paths.is_busy("POST", "/b", 1060)) << "it has one";
    paths.note("POST", "/c", 50, 1010);
    EXPECT_TRUE(paths.is_busy("POST", "/c", 1010)) << "that of /a";
    EXPECT_TRUE(paths.is_busy("POST", "/b", 1010));
}

}  // namespace
