#pragma once

// json::encode(T): the JSON text of a described struct; an empty std::optional is left out.
// The same member types as decode.hpp.

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <boost/describe/enum_to_string.hpp>
#include <boost/mp11/algorithm.hpp>

#include "base/encoding.hpp"
#include "base/uuid.hpp"
#include "json/described.hpp"
#include "json/json.hpp"

namespace json {

namespace detail {

void append(std::string& out, double number);
void append(std::string& out, const Value& value);

inline void append(std::string& out, bool flag) {
    out += flag ? "true" : "false";
}
inline void append(std::string& out, const std::string& text) {
    base::append_json_string(out, text);
}
inline void append(std::string& out, const base::Uuid& id) {
    base::append_json_string(out, id.to_string());
}

template <std::integral Integer>
    requires(!std::same_as<Integer, bool>)
void append(std::string& out, Integer number) {
    out += std::to_string(number);
}

template <DescribedEnum Enum>
void append(std::string& out, Enum value) {
    base::append_json_string(out, boost::describe::enum_to_string(value, ""));
}

template <class T>
void append(std::string& out, const std::optional<T>& value);
template <class T>
void append(std::string& out, const std::vector<T>& values);
template <DescribedStruct Struct>
void append(std::string& out, const Struct& value);

template <class T>
void append(std::string& out, const std::optional<T>& value) {
    if (value) {
        append(out, *value);
    } else {
        out += "null";
    }
}

template <class T>
void append(std::string& out, const std::vector<T>& values) {
    out += '[';
    bool first = true;
    for (const T& value : values) {
        if (!first) out += ',';
        first = false;
        append(out, value);
    }
    out += ']';
}

template <class Member>
bool is_left_out(const Member& member) {
    if constexpr (is_optional<Member>) return !member.has_value();
    return false;
}

template <DescribedStruct Struct>
void append(std::string& out, const Struct& value) {
    out += '{';
    bool first = true;
    boost::mp11::mp_for_each<MembersOf<Struct>>([&](auto member) {
        const auto& part = value.*member.pointer;
        if (is_left_out(part)) return;
        if (!first) out += ',';
        first = false;
        base::append_json_string(out, member.name);
        out += ':';
        append(out, part);
    });
    out += '}';
}

template <class T>
Value value_of(const T& value) {
    if constexpr (std::same_as<T, Value>) {
        return value;
    } else if constexpr (std::same_as<T, base::Uuid>) {
        return Value(value.to_string());
    } else if constexpr (std::same_as<T, bool> || std::integral<T> || std::floating_point<T>) {
        return Value(value);
    } else if constexpr (std::same_as<T, std::string>) {
        return Value(value);
    } else if constexpr (DescribedEnum<T>) {
        return Value(boost::describe::enum_to_string(value, ""));
    } else if constexpr (is_optional<T>) {
        return value ? value_of(*value) : Value(nullptr);
    } else if constexpr (DescribedStruct<T>) {
        Object object;
        boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
            const auto& part = value.*member.pointer;
            if (!is_left_out(part)) object.emplace(member.name, value_of(part));
        });
        return object;
    } else {
        Array array;
        array.reserve(value.size());
        for (const auto& item : value) {
            // std::vector<bool> has proxies for elements.
            const typename T::value_type element = item;
            array.push_back(value_of(element));
        }
        return array;
    }
}

}  // namespace detail

template <class T>
std::string encode(const T& value) {
    std::string text;
    detail::append(text, value);
    return text;
}

template <class T>
Value to_value(const T& value) {
    return detail::value_of(value);
}

}  // namespace json
