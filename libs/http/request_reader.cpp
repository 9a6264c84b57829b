#include "http/request_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/random.hpp"
#include "http/parse_message.hpp"
#include "http/path.hpp"

namespace http {

namespace {

constexpr std::size_t first_capacity = 4096;
/// A chunk's size line or the trailers: more than fits here at once is refused.
constexpr std::size_t chunk_line_max = 4096;
constexpr std::size_t request_id_min = 8;
constexpr std::size_t request_id_max = 64;

bool is_framing_error(const boost::system::error_code& error) {
    return error == beast_http::error::bad_content_length ||
           error == beast_http::error::multiple_content_length ||
           error == beast_http::error::bad_transfer_encoding;
}

/// Remaining milliseconds, at most the server's own limit; the limit if absent or not a number.
std::int64_t deadline_ms(const Headers& headers, std::int64_t most) {
    const auto text = headers.get("X-Deadline-Ms");
    if (!text) return most;
    std::int64_t value = 0;
    const auto end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, value);
    if (read.ec != std::errc{} || read.ptr != end || value < 0) return most;
    return std::min(value, most);
}

}  // namespace

std::string make_request_id() {
    static base::Jitter source = [] {
        std::uint64_t seed = 0;
        base::secure_random({reinterpret_cast<std::uint8_t*>(&seed), sizeof seed});
        return base::Jitter(seed);
    }();
    constexpr char digits[] = "0123456789abcdef";
    auto bits = source.next();
    std::string id(16, '0');
    for (char& letter : id) {
        letter = digits[bits & 15];
        bits >>= 4;
    }
    return id;
}

bool is_request_id(std::string_view text) {
    if (text.size() < request_id_min || text.size() > request_id_max) return false;
    return std::ranges::all_of(text, [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
               (letter >= '0' && letter <= '9') || letter == '-' || letter == '_';
    });
}

struct RequestReader::Parsing {
    std::optional<RequestParser> parser;
    bool continue_due = false;
};

RequestReader::RequestReader(const ServerLimits& limits)
    : limits_(limits),
      buffer_(new char[first_capacity]),
      capacity_(first_capacity),
      parsing_(std::make_unique<Parsing>()) {}

RequestReader::~RequestReader() = default;

std::span<char> RequestReader::space() {
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ == capacity_) {
        if (begin_ > 0) {
            std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        } else {
            // Bounded: refused before what is buffered exceeds the head's limit or a chunk line.
            std::unique_ptr<char[]> larger(new char[capacity_ * 2]);
            std::memcpy(larger.get(), buffer_.get(), end_);
            buffer_ = std::move(larger);
            capacity_ *= 2;
        }
    }
    return {buffer_.get() + end_, capacity_ - end_};
}

RequestReader::Progress RequestReader::advance(Request& request) {
    if (state_ == State::done) {
        parsing_->parser.reset();
        parsing_->continue_due = false;
        state_ = State::head;
        scanned_ = 0;
        folded_ = false;
    }
    if (state_ == State::body) return begin_ == end_ ? Progress::more : parse(request);
    while (scanned_ == 0 && end_ - begin_ >= 2 && buffer_[begin_] == '\r' &&
           buffer_[begin_ + 1] == '\n') {
        begin_ += 2;  // an empty line before the request line (RFC 9112, 2.2)
    }
    const std::size_t head_bytes = find_head_end();
    if ((head_bytes ? head_bytes : end_ - begin_) > limits_.header_bytes_max) {
        return refuse(431, "headers_too_large", "Send fewer or shorter headers.");
    }
    if (folded_) {
        return refuse(400, "request_malformed", "A header must not be continued on a new line.");
    }
    if (head_bytes == 0) return Progress::more;
    request.headers.clear();
    request.headers.reserve(12);
    request.body.clear();
    request.path_parameters.clear();
    request.route_pattern = {};
    request.route_method = {};
    parsing_->parser.emplace(request, head_bytes, limits_.body_bytes_max);
    return parse(request);
}

std::size_t RequestReader::find_head_end() {
    const char* const first = buffer_.get() + begin_;
    const char* const last = buffer_.get() + end_;
    const char* from = first + scanned_;
    while (from < last) {
        const auto* line_end =
            static_cast<const char*>(std::memchr(from, '\n', static_cast<std::size_t>(last - from))
            );
        if (!line_end) break;
        if (last - line_end < 3) {
            scanned_ = static_cast<std::size_t>(line_end - first);
            return 0;
        }
        if (line_end[1] == '\r' && line_end[2] == '\n') {
            return static_cast<std::size_t>(line_end + 3 - first);
        }
        if (line_end[1] == ' ' || line_end[1] == '\t') folded_ = true;
        from = line_end + 1;
    }
    scanned_ = static_cast<std::size_t>(last - first);
    return 0;
}

RequestReader::Progress RequestReader::parse(Request& request) {
    auto& parser = *parsing_->parser;
    boost::system::error_code error;
    const bool in_head = state_ == State::head;
    begin_ += parser.put({buffer_.get() + begin_, end_ - begin_}, error);
    const bool need_more = error == beast_http::error::need_more;
    if (error && !need_more) {
        if (error == beast_http::error::body_limit) {
            return refuse(
                413,
                "body_too_large",
                "The body may have " + std::to_string(limits_.body_bytes_max) + " bytes."
            );
        }
        return refuse(
            400,
            "request_malformed",
            is_framing_error(error)
                ? "Content-Length and Transfer-Encoding must agree on one length: send one of "
                  "them, once."
                : "This is not HTTP/1.1: " + error.message() + "."
        );
    }
    if (!parser.is_header_done()) {
        return refuse(400, "request_malformed", "Lines of the head must end in CR LF.");
    }
    if (in_head) {
        const Progress head = finish_head(request);
        if (head == Progress::refused) return head;
    }
    if (parser.is_done()) {
        state_ = State::done;
        finish(request);
        return Progress::complete;
    }
    state_ = State::body;
    if (need_more && end_ - begin_ > chunk_line_max) {
        return refuse(400, "request_malformed", "A chunk's size line or trailer is too long.");
    }
    return Progress::more;
}

RequestReader::Progress RequestReader::finish_head(Request& request) {
    const auto& parser = *parsing_->parser;
    if (parser.hosts() > 1 || (parser.hosts() == 0 && parser.version() >= 11)) {
        return refuse(400, "host_missing", "Send exactly one Host header.");
    }
    if (parser.chunked() && parser.version() < 11) {
        return refuse(400, "request_malformed", "HTTP/1.0 has no Transfer-Encoding.");
    }
    const std::string_view target = request.target;
    const auto question = std::min(target.find('?'), target.size());
    auto path = decode_path(target.substr(0, question));
    if (!path) {
        return refuse(
            400,
            "path_invalid",
            "The path must begin with a slash, be percent-encoded UTF-8, and have neither \".\" "
            "nor \"..\" segments nor encoded slashes."
        );
    }
    request.path = std::move(*path);
    request.query = target.substr(std::min(question + 1, target.size()));
    parsing_->continue_due = parser.expects_continue() && !parser.is_done();
    return Progress::more;
}

void RequestReader::finish(Request& request) const {
    const auto id = request.headers.get("X-Request-Id");
    request.request_id = id && is_request_id(*id) ? std::string(*id) : make_request_id();
    const auto left = deadline_ms(request.headers, limits_.request_timeout_ms);
    request.deadline = net::deadline_in(std::chrono::milliseconds(left));
}

RequestReader::Progress RequestReader::refuse(int status, const char* code, std::string detail) {
    refusal_ = {.status = status, .code = code, .detail = std::move(detail)};
    return Progress::refused;
}

bool RequestReader::take_continue() {
    return std::exchange(parsing_->continue_due, false);
}

bool RequestReader::keep_alive() const {
    return parsing_->parser->keep_alive();
}

bool RequestReader::is_http_1_0() const {
    return parsing_->parser->version() < 11;
}

}  // namespace http
