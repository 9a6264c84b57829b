#include "json/encode.hpp"

#include <cmath>

#include <fmt/format.h>

namespace json::detail {

void append(std::string& out, double number) {
    // JSON has no infinities; what a struct of ours holds is finite.
    out += std::isfinite(number) ? fmt::format("{}", number) : "null";
}

void append(std::string& out, const Value& value) {
    out += serialize(value);
}

}  // namespace json::detail
