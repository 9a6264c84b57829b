#include "http/request_reader.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/random.hpp"
#include "base/whole_number.hpp"
#include "http/parse_message.hpp"
#include "http/path.hpp"

namespace http {

namespace {

constexpr std::size_t first_capacity = 4096;
/// A chunk's size line or the trailers: more than fits here at once is refused.
constexpr std::size_t chunk_line_max = 4096;
/// A robust server skips an empty line before a request (RFC 9112, 2.2); this many it still takes.
constexpr int empty_lines_max = 4;
constexpr std::size_t method_bytes_max = 32;
constexpr std::size_t request_id_min = 8;
constexpr std::size_t request_id_max = 64;

bool is_framing_error(const boost::system::error_code& error) {
    return error == beast_http::error::bad_content_length ||
           error == beast_http::error::multiple_content_length ||
           error == beast_http::error::bad_transfer_encoding;
}

/// Remaining milliseconds, if that is a number and less than the server's own limit.
std::optional<std::chrono::milliseconds> shorter_time(const Headers& headers, std::int64_t most) {
    const auto text = headers.get("X-Deadline-Ms");
    if (!text) return std::nullopt;
    const auto value = base::whole_number<std::int64_t>(*text);
    if (!value || *value < 0 || *value >= most) return std::nullopt;
    return std::chrono::milliseconds(*value);
}

bool is_alphanumeric(char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9');
}

/// RFC 9110, 7.2 and RFC 3986, 3.2.2, coarsely: nothing that could be taken for more than a host
/// and a port.
bool is_host(std::string_view text) {
    constexpr std::string_view others = "-._~%!$&'()*+,;=:[]";
    return std::ranges::all_of(text, [&](char letter) {
        return is_alphanumeric(letter) || others.find(letter) != std::string_view::npos;
    });
}

/// "http://host/path?query", which a server has to take (RFC 9112, 3.2.2), becomes "/path?query":
/// what follows reads and passes on one form only. False if it has no host.
bool make_origin_form(std::string& target) {
    const std::string_view all = target;
    std::size_t host_at = 0;
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (equal_ignoring_case(all.substr(0, scheme.size()), scheme)) host_at = scheme.size();
    }
    if (host_at == 0) return true;
    const auto host_end = std::min(all.find_first_of("/?", host_at), all.size());
    const auto host = all.substr(host_at, host_end - host_at);
    if (host.empty() || !is_host(host)) return false;
    const bool has_path = host_end < all.size() && all[host_end] == '/';
    target = (has_path ? "" : "/") + target.substr(host_end);
    return true;
}

/// The first line, or as much of it as came, may begin a request of HTTP/1: a method, and at its
/// end the version. Tells TLS, HTTP/0.9 and chatter at once instead of when their time is up.
bool may_be_request_line(std::string_view line, bool is_whole) {
    if (line == "\r" && !is_whole) return true;  // of an empty line before it
    const auto method = line.substr(0, line.find(' '));
    const bool is_method = std::ranges::all_of(method, [](char letter) {
        return is_alphanumeric(letter) || letter == '-' || letter == '_';
    });
    if (!is_method || method.size() > method_bytes_max) return false;
    constexpr std::string_view version = " HTTP/1.1";
    return !is_whole || (line.size() > version.size() &&
                         line.substr(line.size() - version.size()).starts_with(" HTTP/"));
}

/// Sets `trace`. What is not valid is dropped, `tracestate` with it, so that it goes no further.
void take_trace(Request& request) {
    std::optional<TraceContext> trace;
    if (request.noticed.traces) {
        const auto header = request.headers.get("traceparent");
        if (header && request.headers.count("traceparent") == 1) {
            trace = TraceContext::parse(*header);
        }
        if (!trace) {
            request.headers.erase("traceparent");
            request.headers.erase("tracestate");
        }
    }
    request.trace = trace ? *trace : TraceContext::make();
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

bool RequestReader::reset() {
    parsing_->parser.reset();
    parsing_->continue_due = false;
    begin_ = end_ = scanned_ = 0;
    empty_lines_ = 0;
    state_ = State::head;
    return capacity_ <= first_capacity;
}

std::size_t RequestReader::extra_bytes() const {
    return capacity_ - first_capacity;
}

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
        empty_lines_ = 0;
    }
    if (state_ == State::body) return begin_ == end_ ? Progress::more : parse(request);
    while (scanned_ == 0 && end_ - begin_ >= 2 && buffer_[begin_] == '\r' &&
           buffer_[begin_ + 1] == '\n') {
        begin_ += 2;
        if (++empty_lines_ > empty_lines_max) {
            return refuse(400, "request_malformed", "Empty lines are no request.");
        }
    }
    const std::size_t head_bytes = find_head_end();
    if ((head_bytes ? head_bytes : end_ - begin_) > limits_.header_bytes_max) {
        if (!first_line_ended_) {
            return refuse(414, "target_too_long", "Send a shorter path or query.");
        }
        return refuse(431, "headers_too_large", "Send fewer or shorter headers.");
    }
    if (const char* flaw = flaw_in_head()) return refuse(400, "request_malformed", flaw);
    if (head_bytes == 0) return Progress::more;
    request.headers.clear();
    request.headers.reserve(12);
    request.body.clear();
    request.path_parameters.clear();
    request.route_pattern = {};
    request.route_method = {};
    request.noticed = {};
    request.notes = {};
    parsing_->parser.emplace(
        request, head_bytes, limits_.header_fields_max, limits_.body_bytes_max
    );
    return parse(request);
}

std::size_t RequestReader::find_head_end() {
    const char* const first = buffer_.get() + begin_;
    const char* const last = buffer_.get() + end_;
    if (scanned_ == 0) {
        folded_ = bare_line_end_ = false;
        const auto* line_end = static_cast<const char*>(
            std::memchr(first, '\n', static_cast<std::size_t>(last - first))
        );
        const auto* text_end = line_end ? line_end - (line_end > first ? 1 : 0) : last;
        is_http_ = may_be_request_line({first, text_end}, line_end != nullptr);
        const auto limit = first + std::min(limits_.header_bytes_max, end_ - begin_);
        first_line_ended_ = line_end && line_end < limit;
        if (!line_end) return 0;  // looked at again as a whole: one line is bounded
    }
    const char* from = first + scanned_;
    while (from < last) {
        const auto* line_end =
            static_cast<const char*>(std::memchr(from, '\n', static_cast<std::size_t>(last - from))
            );
        if (!line_end) break;
        if (line_end == first || line_end[-1] != '\r') bare_line_end_ = true;
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

const char* RequestReader::flaw_in_head() const {
    if (begin_ == end_) return nullptr;
    if (bare_line_end_) return "Lines of the head must end in CR LF.";
    if (!is_http_) return "This is not HTTP/1.1.";
    if (folded_) return "A header must not be continued on a new line.";
    return nullptr;
}

RequestReader::Progress RequestReader::parse(Request& request) {
    auto& parser = *parsing_->parser;
    boost::system::error_code error;
    const bool in_head = state_ == State::head;
    begin_ += parser.put({buffer_.get() + begin_, end_ - begin_}, error);
    const bool need_more = error == beast_http::error::need_more;
    if (error && !need_more) {
        if (error == beast_http::error::header_limit) {
            return refuse(
                431,
                "headers_too_large",
                "A request may have " + std::to_string(limits_.header_fields_max) + " headers."
            );
        }
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
    const auto host = request.headers.get("Host");
    if (host && !is_host(*host)) {
        return refuse(400, "host_missing", "Host must be one name or address, and perhaps a port.");
    }
    const bool has_form = make_origin_form(request.target);
    const std::string_view target = has_form ? request.target : std::string_view();
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
    take_trace(request);
    const std::int64_t most_ms = limits_.request_timeout_ms;
    request.own_time = shorter_time(request.headers, most_ms);
    const std::chrono::milliseconds most(most_ms);
    request.deadline = net::deadline_in(request.own_time.value_or(most));
}

RequestReader::Progress RequestReader::refuse(int status, const char* code, std::string detail) {
    refusal_ = {.status = status, .code = code, .detail = std::move(detail)};
    return Progress::refused;
}

bool RequestReader::take_continue() {
    return std::exchange(parsing_->continue_due, false);
}

bool RequestReader::has_headers() const {
    return parsing_->parser.has_value();
}

bool RequestReader::keep_alive() const {
    return parsing_->parser->keep_alive();
}

bool RequestReader::is_http_1_0() const {
    return parsing_->parser->version() < 11;
}

}  // namespace http
