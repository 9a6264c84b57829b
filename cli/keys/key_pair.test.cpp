#include "cli/keys/key_pair.hpp"

#include <gtest/gtest.h>

namespace {

using cli::keys::Phase;
using cli::keys::phase_of;

TEST(KeyPair, TellsHowFarAChangeHasCome) {
    EXPECT_EQ(phase_of({"a", {}}), Phase::settled);
    EXPECT_EQ(phase_of({"a", {"b", "a"}}), Phase::published);
    EXPECT_EQ(phase_of({"b", {"b", "a"}}), Phase::switched);
    EXPECT_EQ(phase_of({"b", {"b"}}), Phase::settled);
}

TEST(KeyPair, TakesAKeyOfUnknownPurposeForTheLastOne) {
    EXPECT_EQ(phase_of({"a", {"b"}}), Phase::switched);
    EXPECT_EQ(phase_of({"a", {"b", "c"}}), Phase::switched);
    EXPECT_EQ(phase_of({"a", {"b", "c", "a"}}), Phase::switched);
}

TEST(KeyPair, NamesTheKeyThatComesOrGoes) {
    EXPECT_EQ(cli::keys::second_of({"a", {}}), "");
    EXPECT_EQ(cli::keys::second_of({"a", {"b", "a"}}), "b");
    EXPECT_EQ(cli::keys::second_of({"b", {"b", "a"}}), "a");
}

}  // namespace
