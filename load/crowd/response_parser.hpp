#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace crowd {

/// Reads HTTP/1.1 responses out of whatever pieces the network delivers: with Content-Length,
/// chunked, or ended by the connection's end. Anything that isn't such a response is `broken`, and
/// the connection with it.
class ResponseParser {
  public:
    enum class State { needs_more, complete, broken };

    static constexpr std::size_t head_bytes_max = 16 * 1024;
    static constexpr std::size_t body_bytes_max = 1024 * 1024;

    /// Forgets the response that was complete; bytes after it stay and are read as the next one.
    State next();
    /// Forgets everything: a new connection.
    void clear();

    State feed(std::string_view bytes);
    /// The peer closed its side: completes a response without a length, breaks any other.
    State feed_end();

    /// Valid when complete; `body` until the next call that changes the parser.
    int status() const { return status_; }
    std::string_view body() const;
    bool keep_alive() const { return keep_alive_; }
    std::optional<int> retry_after_s() const { return retry_after_s_; }

    /// True once a byte of the current response came.
    bool begun() const { return begun_; }
    /// Bytes that came after the complete response.
    std::size_t left_over() const { return buffer_.size() - end_; }

  private:
    enum class Framing { none, length, chunked, until_end };

    State advance();
    bool read_head(std::string_view head);
    bool read_status_line(std::string_view line);
    bool read_field(std::string_view name, std::string_view value);
    State read_chunks();
    State broken();
    void begin_response();

    std::string buffer_;
    std::size_t searched_ = 0;  ///< no head ends before here
    std::size_t body_begin_ = 0;
    std::size_t end_ = 0;  ///< where the response ends, once known
    State state_ = State::needs_more;
    bool head_read_ = false;
    bool begun_ = false;

    int status_ = 0;
    Framing framing_ = Framing::until_end;
    bool has_length_ = false;
    std::size_t length_ = 0;
    bool keep_alive_ = true;
    std::optional<int> retry_after_s_;

    std::size_t chunk_at_ = 0;  ///< where the next chunk's size line begins
    std::string unchunked_;
};

}  // namespace crowd
