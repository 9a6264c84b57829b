#include "json/decode.hpp"

#include <cmath>

namespace json::detail {

namespace {

/// A number beyond 64 bits reaches us as a double.
bool refuse_integer(const Value& value, Error& error) {
    const bool huge = value.is_double() && std::abs(value.get_double()) >= 0x1p63;
    return refuse(error, huge ? "integer out of range" : "expected integer");
}

}  // namespace

void prepend_member(Error& error, std::string_view name) {
    std::string path(name);
    if (!error.path.empty() && error.path[0] != '[') path += '.';
    error.path = path + error.path;
}

void prepend_index(Error& error, std::size_t index) {
    std::string path = '[' + std::to_string(index) + ']';
    if (!error.path.empty() && error.path[0] != '[') path += '.';
    error.path = path + error.path;
}

bool read_integer(const Value& value, std::int64_t& out, Error& error) {
    if (value.is_uint64()) return refuse(error, "integer out of range");
    if (!value.is_int64()) return refuse_integer(value, error);
    out = value.get_int64();
    return true;
}

bool read_unsigned(const Value& value, std::uint64_t& out, Error& error) {
    if (value.is_uint64()) {
        out = value.get_uint64();
        return true;
    }
    if (!value.is_int64()) return refuse_integer(value, error);
    if (value.get_int64() < 0) return refuse(error, "integer out of range");
    out = static_cast<std::uint64_t>(value.get_int64());
    return true;
}

bool read(const Value& value, double& out, Error& error) {
    if (value.is_double()) {
        out = value.get_double();
    } else if (value.is_int64()) {
        out = static_cast<double>(value.get_int64());
    } else if (value.is_uint64()) {
        out = static_cast<double>(value.get_uint64());
    } else {
        return refuse(error, "expected number");
    }
    return true;
}

bool read(const Value& value, std::string& out, Error& error) {
    const boost::json::string* text = value.if_string();
    if (text == nullptr) return refuse(error, "expected string");
    out.assign(text->data(), text->size());
    return true;
}

bool read(const Value& value, base::Uuid& out, Error& error) {
    const boost::json::string* text = value.if_string();
    if (text == nullptr) return refuse(error, "expected UUID");
    const auto id = base::Uuid::parse(std::string_view(text->data(), text->size()));
    if (!id) return refuse(error, "expected UUID");
    out = *id;
    return true;
}

}  // namespace json::detail
