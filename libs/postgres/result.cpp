#include "postgres/result.hpp"

#include <bit>
#include <charconv>

#include <libpq-fe.h>

#include "base/assertion.hpp"
#include "postgres/types.hpp"

namespace postgres {
namespace {

std::uint64_t read_big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
    return value;
}

std::int64_t read_integer(std::string_view bytes) {
    const std::uint64_t value = read_big_endian(bytes);
    switch (bytes.size()) {
        case 2:
            return static_cast<std::int16_t>(value);
        case 4:
            return static_cast<std::int32_t>(value);
        default:
            DOORBUSTER_ASSERT(bytes.size() == 8);
            return static_cast<std::int64_t>(value);
    }
}

base::Uuid read_uuid(std::string_view bytes) {
    base::Uuid id;
    DOORBUSTER_ASSERT(bytes.size() == id.bytes.size());
    for (std::size_t index = 0; index < bytes.size(); ++index) {
        id.bytes[index] = static_cast<std::uint8_t>(bytes[index]);
    }
    return id;
}

/// Walks the elements of a one-dimensional array in binary format.
class ArrayReader {
  public:
    explicit ArrayReader(std::string_view bytes) : bytes_(bytes) {
        const auto dimensions = read_integer(take(4));
        take(8);  // flags and element type: the array's own type was checked
        DOORBUSTER_ASSERT(dimensions == 0 || dimensions == 1);
        if (dimensions == 1) {
            left_ = static_cast<std::size_t>(read_integer(take(4)));
            take(4);
        }
    }

    std::size_t left() const { return left_; }

    std::string_view next() {
        --left_;
        const auto size = read_integer(take(4));
        DOORBUSTER_ASSERT(size >= 0);  // null elements are not used anywhere
        return take(static_cast<std::size_t>(size));
    }

  private:
    std::string_view take(std::size_t size) {
        DOORBUSTER_ASSERT(bytes_.size() >= size);
        const auto taken = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
        return taken;
    }

    std::string_view bytes_;
    std::size_t left_ = 0;
};

}  // namespace

Result::Result(pg_result* raw) : raw_(raw, [](pg_result* owned) { PQclear(owned); }) {}

std::size_t Result::rows() const {
    return static_cast<std::size_t>(PQntuples(raw_.get()));
}

std::int64_t Result::affected() const {
    const std::string_view text = PQcmdTuples(raw_.get());
    std::int64_t count = 0;
    std::from_chars(text.data(), text.data() + text.size(), count);
    return count;
}

unsigned Result::type(int column) const {
    DOORBUSTER_ASSERT(column >= 0 && column < PQnfields(raw_.get()));
    return PQftype(raw_.get(), column);
}

std::string_view Result::value(std::size_t row, int column) const {
    DOORBUSTER_ASSERT(!is_null(row, column));
    const int index = static_cast<int>(row);
    return {
        PQgetvalue(raw_.get(), index, column),
        static_cast<std::size_t>(PQgetlength(raw_.get(), index, column))
    };
}

bool Result::is_null(std::size_t row, int column) const {
    DOORBUSTER_ASSERT(row < rows());
    DOORBUSTER_ASSERT(column >= 0 && column < PQnfields(raw_.get()));
    return PQgetisnull(raw_.get(), static_cast<int>(row), column) == 1;
}

bool Result::boolean(std::size_t row, int column) const {
    DOORBUSTER_ASSERT(type(column) == types::boolean);
    return value(row, column).at(0) != '\0';
}

std::int64_t Result::integer(std::size_t row, int column) const {
    const unsigned found = type(column);
    if (found == types::oid) return static_cast<std::int64_t>(read_big_endian(value(row, column)));
    DOORBUSTER_ASSERT(found == types::int2 || found == types::int4 || found == types::int8);
    return read_integer(value(row, column));
}

double Result::number(std::size_t row, int column) const {
    const unsigned found = type(column);
    DOORBUSTER_ASSERT(found == types::float4 || found == types::float8);
    const std::uint64_t bits = read_big_endian(value(row, column));
    if (found == types::float8) return std::bit_cast<double>(bits);
    return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
}

std::string_view Result::text(std::size_t row, int column) const {
    auto bytes = value(row, column);
    switch (type(column)) {
        case types::jsonb:
            DOORBUSTER_ASSERT(!bytes.empty() && bytes.front() == '\1');
            bytes.remove_prefix(1);
            return bytes;
        case types::text:
        case types::varchar:
        case types::bpchar:
        case types::name:
        case types::json:
            return bytes;
        default:
            DOORBUSTER_ASSERT(!"a column of text was expected");
            return {};
    }
}

std::optional<std::string> Result::optional_text(std::size_t row, int column) const {
    if (is_null(row, column)) return std::nullopt;
    return std::string(text(row, column));
}

std::optional<std::int64_t> Result::optional_integer(std::size_t row, int column) const {
    if (is_null(row, column)) return std::nullopt;
    return integer(row, column);
}

base::Uuid Result::uuid(std::size_t row, int column) const {
    DOORBUSTER_ASSERT(type(column) == types::uuid);
    return read_uuid(value(row, column));
}

std::optional<base::Uuid> Result::optional_uuid(std::size_t row, int column) const {
    if (is_null(row, column)) return std::nullopt;
    return uuid(row, column);
}

std::int64_t Result::timestamp_us(std::size_t row, int column) const {
    DOORBUSTER_ASSERT(type(column) == types::timestamptz);
    return read_integer(value(row, column)) + types::epoch_us;
}

std::int64_t Result::timestamp_ms(std::size_t row, int column) const {
    const std::int64_t us = timestamp_us(row, column);
    return us >= 0 ? us / 1000 : -((-us + 999) / 1000);
}

std::optional<std::int64_t> Result::optional_timestamp_ms(std::size_t row, int column) const {
    if (is_null(row, column)) return std::nullopt;
    return timestamp_ms(row, column);
}

std::string_view Result::bytes(std::size_t row, int column) const {
    DOORBUSTER_ASSERT(type(column) == types::bytea);
    return value(row, column);
}

std::vector<std::int64_t> Result::integer_array(std::size_t row, int column) const {
    const unsigned found = type(column);
    DOORBUSTER_ASSERT(
        found == types::int2_array || found == types::int4_array || found == types::int8_array
    );
    ArrayReader reader(value(row, column));
    std::vector<std::int64_t> values;
    values.reserve(reader.left());
    while (reader.left() > 0) values.push_back(read_integer(reader.next()));
    return values;
}

std::vector<base::Uuid> Result::uuid_array(std::size_t row, int column) const {
    DOORBUSTER_ASSERT(type(column) == types::uuid_array);
    ArrayReader reader(value(row, column));
    std::vector<base::Uuid> values;
    values.reserve(reader.left());
    while (reader.left() > 0) values.push_back(read_uuid(reader.next()));
    return values;
}

std::vector<std::string> Result::text_array(std::size_t row, int column) const {
    const unsigned found = type(column);
    DOORBUSTER_ASSERT(found == types::text_array || found == types::varchar_array);
    ArrayReader reader(value(row, column));
    std::vector<std::string> values;
    values.reserve(reader.left());
    while (reader.left() > 0) values.emplace_back(reader.next());
    return values;
}

}  // namespace postgres
