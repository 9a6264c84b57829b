#include "crowd/response_parser.hpp"

#include <algorithm>
#include <charconv>

namespace crowd {
namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::size_t chunk_line_bytes_max = 1024;

char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool same_name(std::string_view left, std::string_view right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
        return lower(a) == lower(b);
    });
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

template <class Number>
bool read_number(std::string_view text, Number& number, int numeral_base) {
    const char* const end = text.data() + text.size();
    const auto [stopped, fault] = std::from_chars(text.data(), end, number, numeral_base);
    return fault == std::errc() && stopped == end;
}

}  // namespace

void ResponseParser::begin_response() {
    searched_ = body_begin_ = end_ = 0;
    state_ = State::needs_more;
    head_read_ = false;
    begun_ = !buffer_.empty();
    status_ = 0;
    framing_ = Framing::until_end;
    has_length_ = false;
    length_ = 0;
    keep_alive_ = true;
    retry_after_s_.reset();
    chunk_at_ = 0;
    unchunked_.clear();
}

ResponseParser::State ResponseParser::next() {
    buffer_.erase(0, end_);
    begin_response();
    return advance();
}

void ResponseParser::clear() {
    buffer_.clear();
    begin_response();
}

std::string_view ResponseParser::body() const {
    if (framing_ == Framing::chunked) return unchunked_;
    return std::string_view(buffer_).substr(body_begin_, end_ - body_begin_);
}

ResponseParser::State ResponseParser::broken() {
    return state_ = State::broken;
}

ResponseParser::State ResponseParser::feed(std::string_view bytes) {
    if (state_ == State::broken) return state_;
    buffer_.append(bytes);
    begun_ = begun_ || !bytes.empty();
    return state_ == State::complete ? state_ : advance();
}

ResponseParser::State ResponseParser::feed_end() {
    if (state_ != State::needs_more) return state_;
    if (!head_read_ || framing_ != Framing::until_end) return broken();
    end_ = buffer_.size();
    keep_alive_ = false;
    return state_ = State::complete;
}

ResponseParser::State ResponseParser::advance() {
    while (!head_read_) {
        const auto found = buffer_.find(head_end, searched_);
        if (found == std::string::npos) {
            if (buffer_.size() > head_bytes_max) return broken();
            searched_ = buffer_.size() < 3 ? 0 : buffer_.size() - 3;
            return State::needs_more;
        }
        if (found > head_bytes_max) return broken();
        if (!read_head(std::string_view(buffer_).substr(0, found + 2))) return broken();
        if (status_ >= 200) {
            head_read_ = true;
            body_begin_ = chunk_at_ = found + head_end.size();
        } else {
            // An interim response (100, 103): the real one follows.
            buffer_.erase(0, found + head_end.size());
            begin_response();
        }
    }
    const std::size_t came = buffer_.size() - body_begin_;
    if (framing_ == Framing::chunked) return read_chunks();
    if (framing_ == Framing::until_end) {
        return came > body_bytes_max ? broken() : State::needs_more;
    }
    if (length_ > body_bytes_max) return broken();
    if (came < length_) return State::needs_more;
    end_ = body_begin_ + length_;
    return state_ = State::complete;
}

bool ResponseParser::read_head(std::string_view head) {
    bool first = true;
    while (!head.empty()) {
        const auto end = head.find(line_end);
        const auto line = head.substr(0, end);
        head.remove_prefix(end + line_end.size());
        if (first) {
            if (!read_status_line(line)) return false;
            first = false;
            continue;
        }
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || colon == 0) return false;
        if (!read_field(line.substr(0, colon), trimmed(line.substr(colon + 1)))) return false;
    }
    if (status_ == 204 || status_ == 304) {
        framing_ = Framing::none;
        length_ = 0;
    } else if (framing_ == Framing::chunked) {
        // Both framings at once is how responses are smuggled: nobody can tell where it ends.
        return !has_length_;
    } else if (has_length_) {
        framing_ = Framing::length;
    }
    return true;
}

bool ResponseParser::read_status_line(std::string_view line) {
    if (!line.starts_with("HTTP/1.") || line.size() < 12) return false;
    if (line[7] != '0' && line[7] != '1') return false;
    if (line[8] != ' ' || (line.size() > 12 && line[12] != ' ')) return false;
    keep_alive_ = line[7] == '1';
    return read_number(line.substr(9, 3), status_, 10) && status_ >= 100 && status_ <= 599;
}

bool ResponseParser::read_field(std::string_view name, std::string_view value) {
    if (same_name(name, "content-length")) {
        std::size_t length = 0;
        if (!read_number(value, length, 10)) return false;
        if (has_length_ && length != length_) return false;
        has_length_ = true;
        length_ = length;
    } else if (same_name(name, "transfer-encoding")) {
        if (!same_name(value, "chunked")) return false;
        framing_ = Framing::chunked;
    } else if (same_name(name, "connection")) {
        if (same_name(value, "close")) keep_alive_ = false;
    } else if (same_name(name, "retry-after")) {
        int seconds = 0;
        // The other form, a date, is not used by the shop.
        if (read_number(value, seconds, 10) && seconds >= 0) retry_after_s_ = seconds;
    }
    return true;
}

ResponseParser::State ResponseParser::read_chunks() {
    const std::string_view text = buffer_;
    while (true) {
        const auto line_stop = text.find(line_end, chunk_at_);
        if (line_stop == std::string_view::npos) {
            const bool too_long = text.size() - chunk_at_ > chunk_line_bytes_max;
            return too_long ? broken() : State::needs_more;
        }
        auto line = text.substr(chunk_at_, line_stop - chunk_at_);
        line = trimmed(line.substr(0, line.find(';')));
        std::size_t size = 0;
        if (!read_number(line, size, 16)) return broken();
        if (size > body_bytes_max - unchunked_.size()) return broken();
        const std::size_t data = line_stop + line_end.size();
        if (size == 0) {
            // Trailers, if any, then an empty line: the last line end and one more.
            const auto stop = text.find(head_end, line_stop);
            if (stop == std::string_view::npos) {
                const bool too_long = text.size() - data > head_bytes_max;
                return too_long ? broken() : State::needs_more;
            }
            end_ = stop + head_end.size();
            return state_ = State::complete;
        }
        if (text.size() < data + size + line_end.size()) return State::needs_more;
        if (text.substr(data + size, line_end.size()) != line_end) return broken();
        unchunked_.append(text.substr(data, size));
        chunk_at_ = data + size + line_end.size();
    }
}

}  // namespace crowd
