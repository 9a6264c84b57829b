#include "redis/codec.hpp"

#include <gtest/gtest.h>

namespace redis {
namespace {

TEST(Address, ReadsHostAndPort) {
    EXPECT_EQ(Address::parse("redis-0.redis:6379"), (Address{"redis-0.redis", 6379}));
    EXPECT_EQ(Address::parse("[::1]:26379"), (Address{"::1", 26379}));
    EXPECT_EQ(Address({"::1", 26379}).to_string(), "[::1]:26379");
    EXPECT_EQ(Address({"10.0.0.1", 1}).to_string(), "10.0.0.1:1");
}

TEST(Address, RefusesWhatIsNotAnAddress) {
    for (const char* text :
         {"",
          "redis",
          ":6379",
          "redis:",
          "redis:0",
          "redis:65536",
          "redis:63a",
          "redis:+1",
          "::1:6379",
          "a b:1",
          "redis://redis:6379",
          "user@redis:6379"}) {
        EXPECT_FALSE(Address::parse(text)) << text;
    }
}

TEST(Codec, EncodesAnyBytes) {
    using namespace std::string_literals;
    const Command command{"SET", "", "a\r\n\0b"s};
    const std::string expected = "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$5\r\na\r\n\0b\r\n"s;
    EXPECT_EQ(encode(command), expected);
}

TEST(Codec, ReadsRepliesByteByByte) {
    const std::string stream =
        "+OK\r\n:-7\r\n$-1\r\n*3\r\n$2\r\nab\r\n*1\r\n:1\r\n*-1\r\n-ERR no\r\n$0\r\n\r\n";
    ReplyReader reader;
    std::vector<Reply> replies;
    for (const char byte : stream) {
        reader.feed(std::string_view(&byte, 1));
        while (auto reply = reader.next()) replies.push_back(std::move(*reply));
    }
    ASSERT_EQ(replies.size(), 6U);
    EXPECT_EQ(replies[0].kind, Reply::Kind::status);
    EXPECT_EQ(replies[0].text, "OK");
    EXPECT_EQ(replies[1].integer, -7);
    EXPECT_TRUE(replies[2].is_nil());
    ASSERT_EQ(replies[3].elements.size(), 3U);
    EXPECT_EQ(replies[3].elements[0].text, "ab");
    EXPECT_EQ(replies[3].elements[1].elements.at(0).integer, 1);
    EXPECT_TRUE(replies[3].elements[2].is_nil());
    EXPECT_TRUE(replies[4].is_error());
    EXPECT_EQ(replies[4].text, "ERR no");
    EXPECT_EQ(replies[5].kind, Reply::Kind::text);
    EXPECT_EQ(replies[5].text, "");
}

TEST(Codec, RefusesWhatIsNotRedis) {
    ReplyReader reader;
    reader.feed("HTTP/1.1 400 Bad Request\r\n\r\n");
    EXPECT_THROW(reader.next(), Error);
}

TEST(Codec, RefusesAReplyThatNeverEnds) {
    ReplyReader reader;
    const std::string chunk(1024 * 1024, 'x');
    reader.feed("$500000000\r\n");
    const auto feed_all = [&] {
        for (std::size_t sent = 0; sent <= reply_bytes_max; sent += chunk.size()) {
            reader.feed(chunk);
            EXPECT_FALSE(reader.next());
        }
    };
    EXPECT_THROW(feed_all(), Error);
}

}  // namespace
}  // namespace redis
