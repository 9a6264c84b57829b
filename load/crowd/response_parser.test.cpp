#include "crowd/response_parser.hpp"

#include <string>

#include <gtest/gtest.h>

namespace crowd {
namespace {

using State = ResponseParser::State;

const std::string order_response =
    "HTTP/1.1 201 Created\r\ncontent-length: 7\r\nContent-Type: application/json\r\n\r\n{\"a\":1}";
const std::string chunked_response =
    "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\nRetry-After: 2\r\n\r\n"
    "4\r\nwiki\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n";

TEST(ResponseParser, reads_one_response) {
    ResponseParser parser;
    EXPECT_FALSE(parser.begun());
    ASSERT_EQ(parser.feed(order_response), State::complete);
    EXPECT_EQ(parser.status(), 201);
    EXPECT_EQ(parser.body(), "{\"a\":1}");
    EXPECT_TRUE(parser.keep_alive());
    EXPECT_EQ(parser.retry_after_s(), std::nullopt);
    EXPECT_EQ(parser.left_over(), 0U);
}

TEST(ResponseParser, reads_responses_split_at_every_byte) {
    for (const std::string& response : {order_response, chunked_response}) {
        for (std::size_t cut = 1; cut < response.size(); ++cut) {
            ResponseParser parser;
            ASSERT_EQ(parser.feed(response.substr(0, cut)), State::needs_more) << cut;
            ASSERT_TRUE(parser.begun());
            ASSERT_EQ(parser.feed(response.substr(cut)), State::complete) << cut;
        }
        ResponseParser parser;
        for (std::size_t at = 0; at + 1 < response.size(); ++at) {
            ASSERT_EQ(parser.feed(response.substr(at, 1)), State::needs_more) << at;
        }
        ASSERT_EQ(parser.feed(response.substr(response.size() - 1)), State::complete);
    }
}

TEST(ResponseParser, reads_chunks_and_retry_after) {
    ResponseParser parser;
    ASSERT_EQ(parser.feed(chunked_response), State::complete);
    EXPECT_EQ(parser.status(), 503);
    EXPECT_EQ(parser.body(), "wiki0123456789");
    EXPECT_EQ(parser.retry_after_s(), 2);
    EXPECT_EQ(parser.left_over(), 0U);
}

TEST(ResponseParser, reads_pipelined_responses_in_order) {
    ResponseParser parser;
    ASSERT_EQ(parser.feed(order_response + chunked_response + "HTTP/1.1 2"), State::complete);
    EXPECT_EQ(parser.status(), 201);
    EXPECT_GT(parser.left_over(), 0U);
    ASSERT_EQ(parser.next(), State::complete);
    EXPECT_EQ(parser.status(), 503);
    ASSERT_EQ(parser.next(), State::needs_more);
    EXPECT_TRUE(parser.begun());
    ASSERT_EQ(parser.feed("04 No Content\r\n\r\n"), State::complete);
    EXPECT_EQ(parser.body(), "");
    ASSERT_EQ(parser.next(), State::needs_more);
    EXPECT_FALSE(parser.begun());
}

TEST(ResponseParser, skips_interim_responses) {
    ResponseParser parser;
    ASSERT_EQ(parser.feed("HTTP/1.1 100 Continue\r\n\r\n"), State::needs_more);
    ASSERT_EQ(parser.feed(order_response), State::complete);
    EXPECT_EQ(parser.status(), 201);
}

TEST(ResponseParser, knows_when_the_connection_can_be_used_again) {
    ResponseParser parser;
    ASSERT_EQ(
        parser.feed("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n"),
        State::complete
    );
    EXPECT_FALSE(parser.keep_alive());
    parser.clear();
    ASSERT_EQ(parser.feed("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), State::complete);
    EXPECT_FALSE(parser.keep_alive());
}

TEST(ResponseParser, a_body_without_length_ends_with_the_connection) {
    ResponseParser parser;
    ASSERT_EQ(parser.feed("HTTP/1.1 200 OK\r\n\r\nhalf"), State::needs_more);
    ASSERT_EQ(parser.feed_end(), State::complete);
    EXPECT_EQ(parser.body(), "half");
    EXPECT_FALSE(parser.keep_alive());
}

TEST(ResponseParser, a_half_answer_is_broken) {
    for (std::size_t cut = 0; cut < order_response.size(); ++cut) {
        ResponseParser parser;
        parser.feed(order_response.substr(0, cut));
        ASSERT_EQ(parser.feed_end(), State::broken) << cut;
    }
}

TEST(ResponseParser, garbage_is_broken) {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    for (const std::string& text : {
             std::string("\r\n\r\n"),
             std::string("SSH-2.0-OpenSSH_9.2\r\n\r\n"),
             std::string("HTTP/2 200 OK\r\n\r\n"),
             std::string("HTTP/1.1 20x OK\r\n\r\n"),
             std::string("HTTP/1.1 2000 OK\r\n\r\n"),
             std::string("HTTP/1.1 099 OK\r\n\r\n"),
             ok + "no colon\r\n\r\n",
             ok + "Content-Length: -1\r\n\r\n",
             ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
             ok + "Content-Length: 99999999\r\n\r\n",
             ok + "Transfer-Encoding: gzip\r\n\r\n",
             ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
             ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
             ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
             ok + "Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
             std::string(ResponseParser::head_bytes_max + 1, 'x'),
         }) {
        ResponseParser parser;
        EXPECT_EQ(parser.feed(text), State::broken) << text.substr(0, 80);
        EXPECT_EQ(parser.feed("more"), State::broken);
    }
}

}  // namespace
}  // namespace crowd
