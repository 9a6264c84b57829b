#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "redis/client.hpp"

struct redisReader;

namespace redis {

/// A reply larger than this is taken for a broken stream.
inline constexpr std::size_t reply_bytes_max = 64 * 1024 * 1024;

/// The bytes of a command on the wire. A command has at least its name.
std::string encode(const Command& command);

/// Takes replies out of a stream of bytes, however they were cut. Throws Error (Effect::unknown) if
/// the stream is not RESP or a reply is too large; the reader and its connection are then useless.
class ReplyReader {
  public:
    ReplyReader();

    void feed(std::string_view bytes);
    /// The next whole reply, if there is one yet.
    std::optional<Reply> next();

  private:
    struct Close {
        void operator()(redisReader* reader) const;
    };
    std::unique_ptr<redisReader, Close> reader_;
    std::size_t unfinished_bytes_ = 0;
};

}  // namespace redis
