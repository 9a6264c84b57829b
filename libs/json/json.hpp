#pragma once

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

/// Parses strict JSON: no comments, trailing commas or duplicate keys.
std::expected<Value, Error> parse(std::string_view text);

std::string serialize(const Value& value);

}  // namespace json
