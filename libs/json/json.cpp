#include "json/json.hpp"

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>

#include "base/encoding.hpp"

namespace json {

namespace {

using ErrorCode = boost::system::error_code;
using Text = boost::json::string_view;

/// Builds the value from the parser's events. Boost's own parser keeps the last of two members
/// with the same name; this one refuses them, and knows the path of every error.
class Builder {
  public:
    static constexpr std::size_t max_array_size = text_bytes_max;
    static constexpr std::size_t max_object_size = text_bytes_max;
    static constexpr std::size_t max_string_size = text_bytes_max;
    static constexpr std::size_t max_key_size = text_bytes_max;

    explicit Builder(boost::json::storage_ptr storage) : root_(std::move(storage)) {}

    Value take() { return std::move(root_); }

    std::optional<std::string> problem;  ///< what we refused, if it was we

    /// Of the member or element being read.
    std::string path() const {
        std::string text;
        for (const Level& level : levels_) {
            if (level.container->is_array()) {
                // An open child is already its array's last element.
                const std::size_t open_child = &level == &levels_.back() ? 0 : 1;
                const std::size_t index = level.container->get_array().size() - open_child;
                text += '[' + std::to_string(index) + ']';
            } else if (!level.key.empty()) {
                if (!text.empty()) text += '.';
                text += level.key;
            }
        }
        return text;
    }

    bool on_document_begin(ErrorCode&) { return true; }
    bool on_document_end(ErrorCode&) { return true; }
    bool on_object_begin(ErrorCode& code) { return open(boost::json::object_kind, code); }
    bool on_array_begin(ErrorCode& code) { return open(boost::json::array_kind, code); }
    bool on_object_end(std::size_t, ErrorCode&) { return close(); }
    bool on_array_end(std::size_t, ErrorCode&) { return close(); }

    bool on_key_part(Text part, std::size_t, ErrorCode&) { return collect(part); }
    bool on_key(Text part, std::size_t, ErrorCode& code) {
        collect(part);
        if (has_nul()) return refuse("character U+0000 is not allowed", code);
        Level& level = levels_.back();
        level.key.swap(text_);
        text_.clear();
        if (level.container->get_object().contains(level.key)) {
            return refuse("duplicate member", code);
        }
        return true;
    }

    bool on_string_part(Text part, std::size_t, ErrorCode&) { return collect(part); }
    bool on_string(Text part, std::size_t, ErrorCode& code) {
        if (text_.empty()) return add_string(std::string_view(part.data(), part.size()), code);
        collect(part);
        const bool added = add_string(text_, code);
        text_.clear();
        return added;
    }

    bool on_number_part(Text, ErrorCode&) { return true; }
    bool on_int64(std::int64_t number, Text, ErrorCode&) { return add(number); }
    bool on_uint64(std::uint64_t number, Text, ErrorCode&) { return add(number); }
    bool on_double(double number, Text, ErrorCode& code) {
        if (!std::isfinite(number)) return refuse("number out of range", code);
        return add(number);
    }
    bool on_bool(bool flag, ErrorCode&) { return add(flag); }
    bool on_null(ErrorCode&) { return add(nullptr); }
    bool on_comment_part(Text, ErrorCode&) { return true; }
    bool on_comment(Text, ErrorCode&) { return true; }

  private:
    /// An object or array that is open; `key` names the member being read. A container's address
    /// holds while it is open: its parent only grows after it was closed.
    struct Level {
        Value* container;
        std::string key;
    };

    bool collect(Text part) {
        text_.append(part.data(), part.size());
        return true;
    }

    bool has_nul() const { return text_.find('\0') != std::string::npos; }

    bool add_string(std::string_view text, ErrorCode& code) {
        if (text.find('\0') != std::string_view::npos) {
            return refuse("character U+0000 is not allowed", code);
        }
        return add(Text(text.data(), text.size()));
    }

    template <class Part>
    bool add(Part&& part) {
        place(std::forward<Part>(part));
        return true;
    }

    template <class Part>
    Value& place(Part&& part) {
        if (levels_.empty()) {
            root_ = Value(std::forward<Part>(part), root_.storage());
            return root_;
        }
        Level& level = levels_.back();
        if (level.container->is_array()) {
            return level.container->get_array().emplace_back(std::forward<Part>(part));
        }
        Object& object = level.container->get_object();
        return object.emplace(level.key, std::forward<Part>(part)).first->value();
    }

    template <class Kind>
    bool open(Kind kind, ErrorCode& code) {
        if (levels_.size() == depth_max) {
            return refuse("nested deeper than " + std::to_string(depth_max) + " levels", code);
        }
        Value& container = place(kind);
        levels_.push_back({&container, {}});
        return true;
    }

    bool close() {
        levels_.pop_back();
        return true;
    }

    bool refuse(std::string why, ErrorCode& code) {
        problem = std::move(why);
        code = boost::json::error::syntax;
        return false;
    }

    Value root_;
    std::vector<Level> levels_;
    std::string text_;  ///< parts of a key or string that reached us in pieces
};

std::string message_of(const ErrorCode& code) {
    if (code == boost::json::error::incomplete) return "the text ends too early";
    if (code == boost::json::error::exponent_overflow) return "number out of range";
    return "malformed JSON";
}

}  // namespace

std::expected<Value, Error> parse(std::string_view text, boost::json::storage_ptr storage) {
    if (text.size() > text_bytes_max) return std::unexpected(Error{"", "text too long"});
    if (!base::is_utf8(text)) return std::unexpected(Error{"", "invalid UTF-8"});
    boost::json::parse_options options;
    options.max_depth = depth_max + 1;  // ours comes first, and has a path
    boost::json::basic_parser<Builder> parser(options, std::move(storage));
    ErrorCode code;
    const std::size_t used = parser.write_some(false, text.data(), text.size(), code);
    Builder& builder = parser.handler();
    if (code) {
        return std::unexpected(
            Error{builder.path(), builder.problem ? *builder.problem : message_of(code)}
        );
    }
    if (used < text.size()) return std::unexpected(Error{"", "text after the end of the value"});
    return builder.take();
}

std::string serialize(const Value& value) {
    return boost::json::serialize(value);
}

}  // namespace json
