#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"

struct pg_result;

namespace postgres {

/// The rows of one statement, in binary format. Columns are addressed by position. Reading a null
/// or a column of another type through a non-optional getter asserts: it is our own bug.
class Result {
  public:
    /// No rows.
    Result() = default;
    /// Takes ownership.
    explicit Result(pg_result* raw);

    std::size_t rows() const;
    bool empty() const { return rows() == 0; }
    /// Rows changed by INSERT, UPDATE, DELETE.
    std::int64_t affected() const;

    bool is_null(std::size_t row, int column) const;
    bool boolean(std::size_t row, int column) const;
    std::int64_t integer(std::size_t row, int column) const;   ///< int2, int4, int8
    double number(std::size_t row, int column) const;          ///< float4, float8
    std::string_view text(std::size_t row, int column) const;  ///< text, varchar, name, json, jsonb
    std::optional<std::string> optional_text(std::size_t row, int column) const;
    std::optional<std::int64_t> optional_integer(std::size_t row, int column) const;
    base::Uuid uuid(std::size_t row, int column) const;
    std::optional<base::Uuid> optional_uuid(std::size_t row, int column) const;
    std::int64_t timestamp_ms(std::size_t row, int column) const;  ///< Unix milliseconds
    std::int64_t timestamp_us(std::size_t row, int column) const;  ///< Unix microseconds
    std::optional<std::int64_t> optional_timestamp_ms(std::size_t row, int column) const;
    std::string_view bytes(std::size_t row, int column) const;                   ///< bytea
    std::vector<std::int64_t> integer_array(std::size_t row, int column) const;  ///< int2/4/8[]
    std::vector<base::Uuid> uuid_array(std::size_t row, int column) const;
    std::vector<std::string> text_array(std::size_t row, int column) const;

  private:
    unsigned type(int column) const;
    std::string_view value(std::size_t row, int column) const;

    std::shared_ptr<pg_result> raw_;
};

}  // namespace postgres
