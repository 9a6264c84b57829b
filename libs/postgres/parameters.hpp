#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"

namespace postgres {

/// Parameters of one call, in order ($1, $2, ...), encoded in PostgreSQL's binary format with
/// explicit types, so that nothing is parsed or guessed. Arrays are one-dimensional.
class Parameters {
  public:
    Parameters& null();
    Parameters& boolean(bool value);
    Parameters& optional_boolean(const std::optional<bool>& value);
    Parameters& int4(std::int32_t value);
    Parameters& int8(std::int64_t value);
    Parameters& optional_int8(const std::optional<std::int64_t>& value);
    Parameters& number(double value);  ///< float8
    Parameters& text(std::string_view value);
    Parameters& optional_text(const std::optional<std::string>& value);
    Parameters& uuid(const base::Uuid& value);
    Parameters& optional_uuid(const std::optional<base::Uuid>& value);
    Parameters& bytes(std::span<const std::uint8_t> value);
    /// timestamptz, from milliseconds since the Unix epoch.
    Parameters& timestamp_ms(std::int64_t unix_ms);
    Parameters& optional_timestamp_ms(const std::optional<std::int64_t>& unix_ms);
    Parameters& json(std::string_view text);  ///< jsonb
    Parameters& int4_array(std::span<const std::int32_t> values);
    Parameters& int8_array(std::span<const std::int64_t> values);
    Parameters& uuid_array(std::span<const base::Uuid> values);
    Parameters& text_array(std::span<const std::string> values);

    struct Encoded {
        unsigned type = 0;  ///< oid
        bool is_null = false;
        std::string bytes;
    };
    const std::vector<Encoded>& encoded() const { return encoded_; }

  private:
    Parameters& add(unsigned type, std::string bytes);
    Parameters& add_null(unsigned type);

    std::vector<Encoded> encoded_;
};

}  // namespace postgres
