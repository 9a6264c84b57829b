#include "crowd/verdict.hpp"

#include <gtest/gtest.h>

namespace crowd {
namespace {

Answer with_code(const char* code) {
    Answer answer;
    answer.code = code;
    return answer;
}

TEST(Verdict, of_a_purchase_follows_the_table_of_outcomes) {
    Answer order;
    order.order_id = "0193aaaa-bbbb-7ccc-8ddd-eeeeffff0001";
    EXPECT_EQ(judge_take(201, order), Verdict::done);
    EXPECT_EQ(judge_take(200, order), Verdict::done);
    EXPECT_EQ(judge_take(201, Answer{}), Verdict::lost);
    for (const char* code : {"sold_out", "sale_over", "limit_reached", "not_enough"}) {
        EXPECT_EQ(judge_take(409, with_code(code)), Verdict::refused) << code;
    }
    for (const char* code : {"none_left_now", "not_started", "paused"}) {
        EXPECT_EQ(judge_take(409, with_code(code)), Verdict::not_now) << code;
    }
    EXPECT_EQ(judge_take(429, with_code("rate_limited")), Verdict::not_now);
    EXPECT_EQ(judge_take(503, with_code("unknown")), Verdict::not_now);
    EXPECT_EQ(judge_take(502, Answer{}), Verdict::lost);
    EXPECT_EQ(judge_take(422, with_code("key_reused")), Verdict::faulty);
    EXPECT_EQ(judge_take(401, Answer{}), Verdict::faulty);
}

TEST(Verdict, of_a_payment_follows_the_table_of_outcomes) {
    EXPECT_EQ(judge_order_change(200, Answer{}), Verdict::done);
    EXPECT_EQ(judge_order_change(202, with_code("paying")), Verdict::not_now);
    EXPECT_EQ(judge_order_change(402, with_code("declined")), Verdict::refused);
    EXPECT_EQ(judge_order_change(409, with_code("expired")), Verdict::refused);
    EXPECT_EQ(judge_order_change(503, with_code("unknown")), Verdict::not_now);
    EXPECT_EQ(judge_order_change(500, Answer{}), Verdict::lost);
    EXPECT_EQ(judge_order_change(404, Answer{}), Verdict::faulty);
}

}  // namespace
}  // namespace crowd
