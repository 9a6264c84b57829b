#include "json/decode.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <gtest/gtest.h>

#include "json/encode.hpp"

namespace {

enum class Kind { flash_sale, ordinary };
BOOST_DESCRIBE_ENUM(Kind, flash_sale, ordinary)

struct Line {
    base::Uuid product_id;
    std::int32_t quantity = 0;
};
BOOST_DESCRIBE_STRUCT(Line, (), (product_id, quantity))

struct Basket {
    std::vector<Line> lines;
    std::optional<std::string> note;
    Kind kind = Kind::ordinary;
};
BOOST_DESCRIBE_STRUCT(Basket, (), (lines, note, kind))

struct Everything {
    bool flag = false;
    std::int64_t large = 0;
    std::uint16_t port = 0;
    double ratio = 0;
    json::Value any;
    std::vector<bool> flags;
    std::optional<Line> line;
};
BOOST_DESCRIBE_STRUCT(Everything, (), (flag, large, port, ratio, any, flags, line))

constexpr const char* product = "0193a1b2-0000-7000-8000-000000000001";

template <class T>
std::string refusal(std::string_view text) {
    const auto value = json::decode<T>(text);
    if (value) return "accepted";
    return value.error().path + ": " + value.error().message;
}

std::string line_with(const std::string& quantity) {
    return std::string("{\"product_id\":\"") + product + "\",\"quantity\":" + quantity + "}";
}

std::string basket_with(const std::string& lines) {
    return "{\"lines\":[" + lines + "],\"kind\":\"flash_sale\"}";
}

TEST(Decode, ReadsADescribedStruct) {
    const auto basket = json::decode<Basket>(basket_with(line_with("3") + "," + line_with("4")));
    ASSERT_TRUE(basket) << basket.error().path << ": " << basket.error().message;
    ASSERT_EQ(basket->lines.size(), 2u);
    EXPECT_EQ(basket->lines[1].quantity, 4);
    EXPECT_EQ(basket->lines[0].product_id.to_string(), product);
    EXPECT_EQ(basket->note, std::nullopt);
    EXPECT_EQ(basket->kind, Kind::flash_sale);
}

TEST(Decode, TakesAMissingOrNullOptional) {
    const auto missing = json::decode<Basket>(R"({"lines":[],"kind":"ordinary"})");
    const auto null = json::decode<Basket>(R"({"lines":[],"kind":"ordinary","note":null})");
    const auto there = json::decode<Basket>(R"({"lines":[],"kind":"ordinary","note":"x"})");
    ASSERT_TRUE(missing && null && there);
    EXPECT_EQ(missing->note, std::nullopt);
    EXPECT_EQ(null->note, std::nullopt);
    EXPECT_EQ(there->note, "x");
}

TEST(Decode, SaysWhereAndWhatWasExpected) {
    EXPECT_EQ(refusal<Basket>("[]"), ": expected object");
    EXPECT_EQ(refusal<Basket>("nonsense"), ": malformed JSON");
    EXPECT_EQ(refusal<Basket>(R"({"lines":[]})"), "kind: missing member");
    EXPECT_EQ(refusal<Basket>(R"({"kind":"ordinary","lines":{}})"), "lines: expected array");
    EXPECT_EQ(
        refusal<Basket>(R"({"kind":"gift","lines":[]})"),
        "kind: expected one of flash_sale, ordinary"
    );
    EXPECT_EQ(
        refusal<Basket>(R"({"kind":"ordinary","lines":[],"note":1})"), "note: expected string"
    );
    EXPECT_EQ(
        refusal<Basket>(R"({"kind":"ordinary","lines":[],"price":1})"), "price: unknown member"
    );
    EXPECT_EQ(
        refusal<Basket>(basket_with(line_with("1") + "," + line_with("\"2\""))),
        "lines[1].quantity: expected integer"
    );
    EXPECT_EQ(
        refusal<Basket>(basket_with(R"({"product_id":"x","quantity":1})")),
        "lines[0].product_id: expected UUID"
    );
    EXPECT_EQ(
        refusal<Basket>(basket_with(line_with("1,\"gift\":true"))), "lines[0].gift: unknown member"
    );
}

TEST(Decode, RefusesIntegersThatDoNotFit) {
    EXPECT_EQ(refusal<Line>(line_with("2147483647")), "accepted");
    EXPECT_EQ(refusal<Line>(line_with("2147483648")), "quantity: integer out of range");
    EXPECT_EQ(refusal<Line>(line_with("-2147483649")), "quantity: integer out of range");
    EXPECT_EQ(refusal<Line>(line_with("18446744073709551615")), "quantity: integer out of range");
    EXPECT_EQ(refusal<Line>(line_with("99999999999999999999")), "quantity: integer out of range");
    EXPECT_EQ(refusal<Line>(line_with("1.5")), "quantity: expected integer");
    EXPECT_EQ(refusal<Line>(line_with("1.0")), "quantity: expected integer");
    EXPECT_EQ(refusal<Line>(line_with("null")), "quantity: expected integer");
    EXPECT_EQ(refusal<Line>(line_with("true")), "quantity: expected integer");
}

TEST(Decode, ReadsEveryKindOfMember) {
    const auto all = json::decode<Everything>(
        R"({"flag":true,"large":-9223372036854775808,"port":65535,"ratio":2,)"
        R"("any":{"a":[1]},"flags":[true,false]})"
    );
    ASSERT_TRUE(all) << all.error().path << ": " << all.error().message;
    EXPECT_TRUE(all->flag);
    EXPECT_EQ(all->large, std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(all->port, 65535);
    EXPECT_EQ(all->ratio, 2.0);
    EXPECT_EQ(json::serialize(all->any), R"({"a":[1]})");
    EXPECT_EQ(all->flags, (std::vector<bool>{true, false}));
    EXPECT_FALSE(all->line);
}

TEST(Decode, KeepsNothingOfItsScratchMemory) {
    std::string text = R"({"flag":true,"large":0,"port":1,"ratio":0,"flags":[],"any":[)";
    for (int i = 0; i < 1000; ++i) text += "\"a string that needs memory of its own\",";
    text += "0]}";
    const auto all = json::decode<Everything>(text);
    ASSERT_TRUE(all);
    EXPECT_EQ(all->any.as_array().size(), 1001u);
    EXPECT_EQ(*all->any.storage(), *boost::json::storage_ptr());
}

TEST(Encode, WritesWhatDecodeReads) {
    Everything all;
    all.ratio = 0.1;
    all.any = json::Array{1, "two"};
    all.flags = {true};
    all.line = Line{*base::Uuid::parse(product), -5};
    const std::string text = json::encode(all);
    EXPECT_EQ(
        text,
        std::string(R"({"flag":false,"large":0,"port":0,"ratio":0.1,"any":[1,"two"],)") +
            R"("flags":[true],"line":{"product_id":")" + product + R"(","quantity":-5}})"
    );
    const auto back = json::decode<Everything>(text);
    ASSERT_TRUE(back) << back.error().path << ": " << back.error().message;
    EXPECT_EQ(json::encode(*back), text);
    EXPECT_EQ(json::encode(*json::decode_value<Everything>(json::to_value(all))), text);
}

TEST(Encode, LeavesEmptyOptionalsOutAndNamesEnumerators) {
    Basket basket{.lines = {}, .note = std::nullopt, .kind = Kind::flash_sale};
    EXPECT_EQ(json::encode(basket), R"({"lines":[],"kind":"flash_sale"})");
    EXPECT_EQ(json::serialize(json::to_value(basket)), R"({"lines":[],"kind":"flash_sale"})");
    basket.note = "a \"quoted\"\nline";
    EXPECT_EQ(
        json::encode(basket), R"({"lines":[],"note":"a \"quoted\"\nline","kind":"flash_sale"})"
    );
}

// A bound loose enough for a debug build on a busy machine: it catches a blunder, not a regression.
TEST(Decode, IsNotSlow) {
    const std::string text = basket_with(line_with("3") + "," + line_with("4"));
    constexpr int rounds = 2000;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; ++i) ASSERT_TRUE(json::decode<Basket>(text));
    const auto spent = std::chrono::steady_clock::now() - start;
    const auto each_us =
        std::chrono::duration_cast<std::chrono::microseconds>(spent).count() / rounds;
    RecordProperty("decode_us", static_cast<int>(each_us));
    EXPECT_LT(each_us, 500);
}

}  // namespace
