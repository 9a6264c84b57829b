#include "crowd/json_scan.hpp"

#include <charconv>

namespace crowd {
namespace {

constexpr int depth_max = 16;

class Scanner {
  public:
    explicit Scanner(std::string_view text) : text_(text) {}

    bool object(const std::function<void(const Member&)>& visit) {
        skip_spaces();
        if (!take('{')) return false;
        skip_spaces();
        if (!take('}') && !members(visit)) return false;
        skip_spaces();
        return at_ == text_.size();
    }

  private:
    bool members(const std::function<void(const Member&)>& visit) {
        while (true) {
            skip_spaces();
            const std::size_t name_begin = at_;
            if (!string()) return false;
            const auto name = text_.substr(name_begin + 1, at_ - name_begin - 2);
            skip_spaces();
            if (!take(':')) return false;
            skip_spaces();
            const std::size_t value_begin = at_;
            if (!value(0)) return false;
            visit({name, text_.substr(value_begin, at_ - value_begin)});
            skip_spaces();
            if (take('}')) return true;
            if (!take(',')) return false;
        }
    }

    bool value(int depth) {
        if (at_ >= text_.size() || depth > depth_max) return false;
        const char first = text_[at_];
        if (first == '"') return string();
        if (first == '{') return nested('}', true, depth);
        if (first == '[') return nested(']', false, depth);
        const std::size_t begin = at_;
        while (at_ < text_.size() && is_literal(text_[at_])) ++at_;
        return at_ > begin;
    }

    bool nested(char closing, bool named, int depth) {
        ++at_;
        skip_spaces();
        if (take(closing)) return true;
        while (true) {
            skip_spaces();
            if (named) {
                if (!string()) return false;
                skip_spaces();
                if (!take(':')) return false;
                skip_spaces();
            }
            if (!value(depth + 1)) return false;
            skip_spaces();
            if (take(closing)) return true;
            if (!take(',')) return false;
        }
    }

    bool string() {
        if (!take('"')) return false;
        while (at_ < text_.size()) {
            const char next = text_[at_++];
            if (next == '"') return true;
            if (next == '\\') ++at_;
        }
        return false;
    }

    static bool is_literal(char letter) {
        return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
               letter == '-' || letter == '+' || letter == '.' || letter == 'E';
    }

    bool take(char expected) {
        if (at_ >= text_.size() || text_[at_] != expected) return false;
        ++at_;
        return true;
    }

    void skip_spaces() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' ||
                                      text_[at_] == '\r' || text_[at_] == '\t')) {
            ++at_;
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

std::optional<std::string_view> Member::text() const {
    if (value.size() < 2 || value.front() != '"') return std::nullopt;
    const auto inner = value.substr(1, value.size() - 2);
    if (inner.find('\\') != std::string_view::npos) return std::nullopt;
    return inner;
}

std::optional<std::int64_t> Member::integer() const {
    std::int64_t number = 0;
    const char* const end = value.data() + value.size();
    const auto [stopped, fault] = std::from_chars(value.data(), end, number);
    if (fault != std::errc() || stopped != end) return std::nullopt;
    return number;
}

bool scan_object(std::string_view text, const std::function<void(const Member&)>& visit) {
    return Scanner(text).object(visit);
}

}  // namespace crowd
