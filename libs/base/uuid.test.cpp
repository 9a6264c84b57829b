#include "base/uuid.hpp"

#include <set>
#include <string>
#include <unordered_set>

#include <gtest/gtest.h>

namespace {

constexpr std::int64_t now_ms = 1'795'341'600'000;

TEST(Uuid, TextRoundTrips) {
    const std::string text = "0193a1b2-c3d4-7e5f-8a6b-0123456789ab";
    const auto id = base::Uuid::parse(text);
    ASSERT_TRUE(id);
    EXPECT_EQ(id->to_string(), text);
    EXPECT_EQ(base::Uuid::parse("0193A1B2-C3D4-7E5F-8A6B-0123456789AB"), id);
    EXPECT_FALSE(id->is_nil());
    EXPECT_TRUE(base::Uuid::parse("00000000-0000-0000-0000-000000000000")->is_nil());
}

TEST(Uuid, RefusesEverythingElse) {
    for (const std::string text :
         {"",
          "0193a1b2c3d47e5f8a6b0123456789ab",
          "{193a1b2-c3d4-7e5f-8a6b-0123456789a}",
          "0193a1b2-c3d4-7e5f-8a6b-0123456789a",
          "0193a1b2-c3d4-7e5f-8a6b-0123456789abc",
          "0193a1b2-c3d4-7e5f-8a6b-0123456789ag",
          "0193a1b2-c3d47-e5f-8a6b-0123456789ab",
          " 193a1b2-c3d4-7e5f-8a6b-0123456789ab"}) {
        EXPECT_FALSE(base::Uuid::parse(text)) << text;
    }
}

TEST(UuidGenerator, StampsTimeVersionAndVariant) {
    base::UuidGenerator generator;
    const std::string text = generator.next(now_ms).to_string();
    EXPECT_EQ(text.substr(0, 13), "01a202b2-c500");
    EXPECT_EQ(text[14], '7');
    EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);
}

TEST(UuidGenerator, AscendsWithinAMillisecondAndWhenTheClockStepsBack) {
    base::UuidGenerator generator;
    base::Uuid last = generator.next(now_ms);
    for (int i = 0; i < 20'000; ++i) {
        const base::Uuid id = generator.next(i % 3 == 0 ? now_ms - 5'000 : now_ms + i / 1'000);
        ASSERT_LT(last, id);
        last = id;
    }
}

TEST(UuidGenerator, GeneratorsDoNotCollide) {
    base::UuidGenerator left;
    base::UuidGenerator right;
    std::unordered_set<base::Uuid> seen;
    for (int i = 0; i < 5'000; ++i) {
        EXPECT_TRUE(seen.insert(left.next(now_ms)).second);
        EXPECT_TRUE(seen.insert(right.next(now_ms)).second);
    }
}

TEST(UuidHash, DependsOnEveryByte) {
    std::set<std::size_t> hashes;
    hashes.insert(std::hash<base::Uuid>()(base::Uuid{}));
    for (std::size_t i = 0; i < 16; ++i) {
        base::Uuid id;
        id.bytes[i] = 1;
        hashes.insert(std::hash<base::Uuid>()(id));
    }
    EXPECT_EQ(hashes.size(), 17u);
}

}  // namespace
