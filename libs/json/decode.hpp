#pragma once

// json::decode<T>(text): reads a described struct (BOOST_DESCRIBE_STRUCT) from JSON, the same on
// every Boost version (ADR 0007): an unknown key, a missing key and a wrong type are errors with
// their path; a member of type std::optional may be missing or null.
//
// Members may be: bool, std::int32_t, std::int64_t (and the other integers), double, std::string,
// base::Uuid, json::Value, std::optional<T>, std::vector<T>, another described struct, and an enum
// described with BOOST_DESCRIBE_ENUM (its enumerators' names).
//
// Implemented in this header because it is a template; include it from api/*.cpp, never from
// other headers.

#include <concepts>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/describe/enum_from_string.hpp>
#include <boost/describe/enumerators.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/mp11/algorithm.hpp>

#include "base/uuid.hpp"
#include "json/described.hpp"
#include "json/json.hpp"

namespace json {

template <class T>
std::expected<T, Error> decode_value(const Value& value);

namespace detail {

/// Each read() is true, or false with `error` set and its path begun; callers put what leads to
/// the value before that path on their way out, so success costs nothing.
inline bool refuse(Error& error, std::string message) {
    error = Error{"", std::move(message)};
    return false;
}

void prepend_member(Error& error, std::string_view name);
void prepend_index(Error& error, std::size_t index);
bool read_integer(const Value& value, std::int64_t& out, Error& error);
bool read_unsigned(const Value& value, std::uint64_t& out, Error& error);

inline bool read(const Value& value, bool& out, Error& error) {
    if (!value.is_bool()) return refuse(error, "expected true or false");
    out = value.get_bool();
    return true;
}

bool read(const Value& value, double& out, Error& error);
bool read(const Value& value, std::string& out, Error& error);
bool read(const Value& value, base::Uuid& out, Error& error);

inline bool read(const Value& value, Value& out, Error&) {
    out = value;
    return true;
}

template <std::integral Integer>
bool read(const Value& value, Integer& out, Error& error) {
    using Wide = std::conditional_t<std::is_signed_v<Integer>, std::int64_t, std::uint64_t>;
    Wide wide = 0;
    if constexpr (std::is_signed_v<Integer>) {
        if (!read_integer(value, wide, error)) return false;
    } else {
        if (!read_unsigned(value, wide, error)) return false;
    }
    if (!std::in_range<Integer>(wide)) return refuse(error, "integer out of range");
    out = static_cast<Integer>(wide);
    return true;
}

template <DescribedEnum Enum>
bool read(const Value& value, Enum& out, Error& error);
template <class T>
bool read(const Value& value, std::optional<T>& out, Error& error);
template <class T>
bool read(const Value& value, std::vector<T>& out, Error& error);
template <DescribedStruct Struct>
bool read(const Value& value, Struct& out, Error& error);

template <DescribedEnum Enum>
bool read(const Value& value, Enum& out, Error& error) {
    if (const auto* text = value.if_string()) {
        if (boost::describe::enum_from_string(text->c_str(), out)) return true;
    }
    std::string names;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<Enum>>([&](auto described) {
        if (!names.empty()) names += ", ";
        names += described.name;
    });
    return refuse(error, "expected one of " + names);
}

template <class T>
bool read(const Value& value, std::optional<T>& out, Error& error) {
    if (value.is_null()) {
        out.reset();
        return true;
    }
    return read(value, out.emplace(), error);
}

template <class T>
bool read(const Value& value, std::vector<T>& out, Error& error) {
    const Array* array = value.if_array();
    if (array == nullptr) return refuse(error, "expected array");
    out.clear();
    out.reserve(array->size());
    for (const Value& element : *array) {
        T item{};
        if (!read(element, item, error)) {
            prepend_index(error, out.size());
            return false;
        }
        out.push_back(std::move(item));
    }
    return true;
}

template <class Member>
bool read_member(
    const Object& object, const char* name, Member& out, std::size_t& known, Error& error
) {
    const Value* value = object.if_contains(name);
    if (value == nullptr) {
        if constexpr (is_optional<Member>) return true;
        refuse(error, "missing member");
    } else {
        ++known;
        if (read(*value, out, error)) return true;
    }
    prepend_member(error, name);
    return false;
}

template <DescribedStruct Struct>
bool read(const Value& value, Struct& out, Error& error) {
    const Object* object = value.if_object();
    if (object == nullptr) return refuse(error, "expected object");
    std::size_t known = 0;
    bool good = true;
    boost::mp11::mp_for_each<MembersOf<Struct>>([&](auto member) {
        good = good && read_member(*object, member.name, out.*member.pointer, known, error);
    });
    if (!good || known == object->size()) return good;
    for (const auto& [key, ignored] : *object) {
        bool found = false;
        boost::mp11::mp_for_each<MembersOf<Struct>>([&](auto member) {
            found = found || key == member.name;
        });
        if (!found) {
            refuse(error, "unknown member");
            prepend_member(error, key);
            return false;
        }
    }
    return false;
}

}  // namespace detail

template <class T>
std::expected<T, Error> decode_value(const Value& value) {
    std::expected<T, Error> result;
    Error error;
    if (!detail::read(value, *result, error)) result = std::unexpected(std::move(error));
    return result;
}

template <class T>
std::expected<T, Error> decode(std::string_view text) {
    // Small texts are read without the heap; the result copies what it keeps.
    unsigned char buffer[2048];
    boost::json::monotonic_resource memory(buffer);
    const std::expected<Value, Error> value = parse(text, &memory);
    if (!value) return std::unexpected(value.error());
    return decode_value<T>(*value);
}

}  // namespace json
