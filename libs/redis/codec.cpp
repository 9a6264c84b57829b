#include "redis/codec.hpp"

#include <new>

#include <hiredis/hiredis.h>

#include "base/assertion.hpp"

namespace redis {

namespace {

struct FreeReply {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
};

std::string text_of(const redisReply& reply) {
    return reply.str ? std::string(reply.str, static_cast<std::size_t>(reply.len)) : std::string();
}

/// hiredis limits the depth of nesting, which bounds the recursion.
Reply convert(const redisReply& from) {
    Reply reply;
    switch (from.type) {
        case REDIS_REPLY_NIL:
            reply.kind = Reply::Kind::nil;
            break;
        case REDIS_REPLY_INTEGER:
            reply.kind = Reply::Kind::integer;
            reply.integer = from.integer;
            break;
        case REDIS_REPLY_STATUS:
            reply.kind = Reply::Kind::status;
            reply.text = text_of(from);
            break;
        case REDIS_REPLY_ERROR:
            reply.kind = Reply::Kind::error;
            reply.text = text_of(from);
            break;
        case REDIS_REPLY_ARRAY:
            reply.kind = Reply::Kind::array;
            reply.elements.reserve(from.elements);
            for (std::size_t index = 0; index < from.elements; ++index) {
                reply.elements.push_back(convert(*from.element[index]));
            }
            break;
        default:
            // Strings, and the kinds of RESP3, which a connection that never said HELLO 3 can't
            // get.
            reply.kind = Reply::Kind::text;
            reply.text = text_of(from);
    }
    return reply;
}

}  // namespace

std::string encode(const Command& command) {
    DOORBUSTER_ASSERT(!command.empty());
    std::vector<const char*> texts;
    std::vector<std::size_t> lengths;
    texts.reserve(command.size());
    lengths.reserve(command.size());
    for (const std::string& part : command) {
        texts.push_back(part.data());
        lengths.push_back(part.size());
    }
    char* bytes = nullptr;
    const auto count = static_cast<int>(command.size());
    const auto length = redisFormatCommandArgv(&bytes, count, texts.data(), lengths.data());
    if (length < 0) throw std::bad_alloc();
    std::string encoded(bytes, static_cast<std::size_t>(length));
    redisFreeCommand(bytes);
    return encoded;
}

void ReplyReader::Close::operator()(redisReader* reader) const {
    redisReaderFree(reader);
}

ReplyReader::ReplyReader() : reader_(redisReaderCreate()) {
    if (!reader_) throw std::bad_alloc();
}

void ReplyReader::feed(std::string_view bytes) {
    unfinished_bytes_ += bytes.size();
    if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK) {
        throw Error(std::string("unreadable reply: ") + reader_->errstr, Error::Effect::unknown);
    }
}

std::optional<Reply> ReplyReader::next() {
    void* raw = nullptr;
    if (redisReaderGetReply(reader_.get(), &raw) != REDIS_OK) {
        throw Error(std::string("unreadable reply: ") + reader_->errstr, Error::Effect::unknown);
    }
    const std::unique_ptr<redisReply, FreeReply> reply(static_cast<redisReply*>(raw));
    if (!reply) {
        if (unfinished_bytes_ > reply_bytes_max) {
            throw Error("a reply is too large", Error::Effect::unknown);
        }
        return std::nullopt;
    }
    unfinished_bytes_ = 0;
    return convert(*reply);
}

}  // namespace redis
