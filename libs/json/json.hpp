#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

namespace json {

using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;

/// Why a text could not be read: where, as a path a person can follow ("lines[0].quantity", or
/// empty for the whole text), and what was expected there.
struct Error {
    std::string path;
    std::string message;
};

/// Limits against hostile texts: nesting and size are bounded before anything is built.
inline constexpr std::size_t depth_max = 32;
inline constexpr std::size_t text_bytes_max = 16 * 1024 * 1024;

/// Parses strict JSON: no comments, trailing commas or duplicate keys, no number that a double
/// can't hold, and no U+0000 in strings (PostgreSQL's text has none).
/// The value's memory comes from `storage`, which must outlive it if it is a borrowed one.
std::expected<Value, Error> parse(std::string_view text, boost::json::storage_ptr storage = {});

std::string serialize(const Value& value);

}  // namespace json
