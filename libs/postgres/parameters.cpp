#include "postgres/parameters.hpp"

#include <bit>

#include "postgres/types.hpp"

namespace postgres {
namespace {

void append_int4(std::string& out, std::int32_t value) {
    const auto bits = static_cast<std::uint32_t>(value);
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(bits >> shift));
}

void append_int8(std::string& out, std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(bits >> shift));
}

void append_uuid(std::string& out, const base::Uuid& value) {
    out.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
}

/// The header of a one-dimensional array; an empty array has no dimension.
std::string array_header(unsigned element_type, std::size_t size, std::size_t bytes_each) {
    std::string out;
    out.reserve(20 + size * (4 + bytes_each));
    append_int4(out, size == 0 ? 0 : 1);
    append_int4(out, 0);
    append_int4(out, static_cast<std::int32_t>(element_type));
    if (size > 0) {
        append_int4(out, static_cast<std::int32_t>(size));
        append_int4(out, 1);
    }
    return out;
}

}  // namespace

Parameters& Parameters::add(unsigned type, std::string bytes) {
    encoded_.push_back({type, false, std::move(bytes)});
    return *this;
}

Parameters& Parameters::add_null(unsigned type) {
    encoded_.push_back({type, true, {}});
    return *this;
}

Parameters& Parameters::null() {
    return add_null(0);
}

Parameters& Parameters::boolean(bool value) {
    return add(types::boolean, std::string(1, value ? '\1' : '\0'));
}

Parameters& Parameters::optional_boolean(const std::optional<bool>& value) {
    return value ? boolean(*value) : add_null(types::boolean);
}

Parameters& Parameters::int4(std::int32_t value) {
    std::string bytes;
    append_int4(bytes, value);
    return add(types::int4, std::move(bytes));
}

Parameters& Parameters::int8(std::int64_t value) {
    std::string bytes;
    append_int8(bytes, value);
    return add(types::int8, std::move(bytes));
}

Parameters& Parameters::optional_int8(const std::optional<std::int64_t>& value) {
    return value ? int8(*value) : add_null(types::int8);
}

Parameters& Parameters::number(double value) {
    std::string bytes;
    append_int8(bytes, std::bit_cast<std::int64_t>(value));
    return add(types::float8, std::move(bytes));
}

Parameters& Parameters::text(std::string_view value) {
    return add(types::text, std::string(value));
}

Parameters& Parameters::optional_text(const std::optional<std::string>& value) {
    return value ? text(*value) : add_null(types::text);
}

Parameters& Parameters::uuid(const base::Uuid& value) {
    std::string bytes;
    append_uuid(bytes, value);
    return add(types::uuid, std::move(bytes));
}

Parameters& Parameters::optional_uuid(const std::optional<base::Uuid>& value) {
    return value ? uuid(*value) : add_null(types::uuid);
}

Parameters& Parameters::bytes(std::span<const std::uint8_t> value) {
    return add(
        types::bytea, std::string(reinterpret_cast<const char*>(value.data()), value.size())
    );
}

Parameters& Parameters::timestamp_ms(std::int64_t unix_ms) {
    std::string bytes;
    append_int8(bytes, unix_ms * 1000 - types::epoch_us);
    return add(types::timestamptz, std::move(bytes));
}

Parameters& Parameters::optional_timestamp_ms(const std::optional<std::int64_t>& unix_ms) {
    return unix_ms ? timestamp_ms(*unix_ms) : add_null(types::timestamptz);
}

Parameters& Parameters::json(std::string_view text) {
    std::string bytes(1, '\1');  // the version of jsonb's binary format
    bytes.append(text);
    return add(types::jsonb, std::move(bytes));
}

Parameters& Parameters::int4_array(std::span<const std::int32_t> values) {
    std::string bytes = array_header(types::int4, values.size(), 4);
    for (const auto value : values) {
        append_int4(bytes, 4);
        append_int4(bytes, value);
    }
    return add(types::int4_array, std::move(bytes));
}

Parameters& Parameters::int8_array(std::span<const std::int64_t> values) {
    std::string bytes = array_header(types::int8, values.size(), 8);
    for (const auto value : values) {
        append_int4(bytes, 8);
        append_int8(bytes, value);
    }
    return add(types::int8_array, std::move(bytes));
}

Parameters& Parameters::uuid_array(std::span<const base::Uuid> values) {
    std::string bytes = array_header(types::uuid, values.size(), 16);
    for (const auto& value : values) {
        append_int4(bytes, 16);
        append_uuid(bytes, value);
    }
    return add(types::uuid_array, std::move(bytes));
}

Parameters& Parameters::text_array(std::span<const std::string> values) {
    std::string bytes = array_header(types::text, values.size(), 16);
    for (const auto& value : values) {
        append_int4(bytes, static_cast<std::int32_t>(value.size()));
        bytes.append(value);
    }
    return add(types::text_array, std::move(bytes));
}

}  // namespace postgres
