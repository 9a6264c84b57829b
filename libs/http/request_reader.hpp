#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "http/message.hpp"
#include "http/problem.hpp"
#include "http/server.hpp"

namespace http {

/// Turns the bytes of one connection into requests, in order, within limits; knows no socket.
/// After a refusal the connection can't go on: where the next request begins is unknown.
class RequestReader {
  public:
    enum class Progress { more, complete, refused };

    explicit RequestReader(const ServerLimits& limits);
    ~RequestReader();
    RequestReader(const RequestReader&) = delete;
    RequestReader& operator=(const RequestReader&) = delete;

    /// Room for the next bytes, never empty; received() says how many came.
    std::span<char> space();
    void received(std::size_t bytes) { end_ += bytes; }
    /// Forgets all it was given, for another connection. False if its buffer grew too large to
    /// keep.
    bool reset();

    /// Reads on with what is there. When complete, `request` holds method, target, path, query,
    /// headers, body, request_id and deadline; the next call begins the next request.
    Progress advance(Request& request);

    const Problem& refusal() const { return refusal_; }
    /// A byte of a request came, and its end did not.
    bool mid_request() const { return begin_ != end_ || state_ == State::body; }
    bool in_body() const { return state_ == State::body; }
    /// The request's `headers` are this one's, as far as they were read: also when it was refused
    /// afterwards, or did not come whole.
    bool has_headers() const;
    /// Of its buffer, beyond those that every reader has.
    std::size_t extra_bytes() const;
    /// True once per request whose sender waits for "100 Continue".
    bool take_continue();
    bool keep_alive() const;
    bool is_http_1_0() const;

  private:
    enum class State { head, body, done };
    struct Parsing;

    Progress refuse(int status, const char* code, std::string detail);
    /// The head's length including its empty line; 0 if its end did not come yet.
    std::size_t find_head_end();
    /// Why the head can't become a request, told before its end came; null if it may.
    const char* flaw_in_head() const;
    Progress parse(Request& request);
    Progress finish_head(Request& request);
    void finish(Request& request) const;

    const ServerLimits& limits_;
    std::unique_ptr<char[]> buffer_;
    std::size_t capacity_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t scanned_ = 0;     ///< bytes after begin_ known not to hold the head's end
    int empty_lines_ = 0;         ///< before the request line
    bool folded_ = false;         ///< a header line was continued on the next (obsolete, refused)
    bool bare_line_end_ = false;  ///< a line of the head ended without CR
    bool first_line_ended_ = false;  ///< within the limit of the whole head
    bool is_http_ = true;            ///< the first line, as far as it came, may be one of HTTP/1
    State state_ = State::head;
    std::unique_ptr<Parsing> parsing_;
    Problem refusal_;
};

/// 8-64 of [A-Za-z0-9_-]: what X-Request-Id may be.
bool is_request_id(std::string_view text);

std::string make_request_id();

}  // namespace http
