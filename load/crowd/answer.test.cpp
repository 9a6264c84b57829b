#include "crowd/answer.hpp"

#include <string>

#include <gtest/gtest.h>

namespace crowd {
namespace {

TEST(Answer, reads_an_order) {
    const auto answer = read_answer(
        R"({"order_id":"0193aaaa-bbbb-7ccc-8ddd-eeeeffff0001","sale_id":"x","quantity":2,)"
        R"("unit_price_cents":19900,"currency":"EUR","state":"reserved","seq":17,"pos":3,)"
        R"("expires_at":"2026-11-22T10:00:00.000Z"})"
    );
    EXPECT_TRUE(answer.readable);
    EXPECT_EQ(answer.order_id, "0193aaaa-bbbb-7ccc-8ddd-eeeeffff0001");
    EXPECT_EQ(answer.quantity, 2);
    EXPECT_EQ(answer.unit_price_cents, 19900);
    EXPECT_EQ(answer.seq, 17);
    EXPECT_EQ(answer.pos, 3);
    EXPECT_EQ(answer.state, "reserved");
    EXPECT_TRUE(answer.code.empty());
}

TEST(Answer, reads_a_refusal_without_a_position) {
    const auto answer = read_answer(
        "{ \"type\": \"about:blank\", \"detail\": \"say \\\"seq\\\": 9, {braces]\",\n"
        " \"code\": \"none_left_now\", \"seq\": 4, \"pos\": null, \"remaining\": 0 }"
    );
    EXPECT_TRUE(answer.readable);
    EXPECT_EQ(answer.code, "none_left_now");
    EXPECT_EQ(answer.seq, 4);
    EXPECT_EQ(answer.pos, std::nullopt);
    EXPECT_EQ(answer.remaining, 0);
}

TEST(Answer, looks_at_the_outermost_object_only) {
    const auto answer =
        read_answer(R"({"order":{"seq":1,"code":"x"},"list":[{"pos":2},[]],"seq":7})");
    EXPECT_TRUE(answer.readable);
    EXPECT_EQ(answer.seq, 7);
    EXPECT_EQ(answer.pos, std::nullopt);
    EXPECT_TRUE(answer.code.empty());
}

TEST(Answer, ignores_values_of_other_types_and_names_unfit_for_the_log) {
    const auto answer = read_answer(
        R"({"order_id":"42","code":"a\tb","seq":"7","pos":1.5,"remaining":99999999999999999999})"
    );
    EXPECT_TRUE(answer.readable);
    EXPECT_TRUE(answer.order_id.empty());
    EXPECT_TRUE(answer.code.empty());
    EXPECT_EQ(answer.seq, std::nullopt);
    EXPECT_EQ(answer.pos, std::nullopt);
    EXPECT_EQ(answer.remaining, std::nullopt);
}

TEST(Answer, is_unreadable_for_garbage) {
    for (const char* text :
         {"",
          "null",
          "[]",
          "{",
          "{\"a\"",
          "{\"a\":}",
          "{\"a\":1,}",
          "{\"a\":1} x",
          "{\"a\":\"",
          "{\"a\":\"\\",
          "<html>",
          "{a:1}",
          "{\"a\":[1,}"}) {
        EXPECT_FALSE(read_answer(text).readable) << text;
    }
    EXPECT_FALSE(read_answer("{\"a\":" + std::string(1000, '[')).readable);
}

}  // namespace
}  // namespace crowd
