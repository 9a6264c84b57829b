#pragma once

#include <cstdint>

/// Object ids of PostgreSQL's built-in types (pg_type.dat); they never change.
namespace postgres::types {

inline constexpr unsigned boolean = 16;
inline constexpr unsigned bytea = 17;
inline constexpr unsigned name = 19;
inline constexpr unsigned int8 = 20;
inline constexpr unsigned int2 = 21;
inline constexpr unsigned int4 = 23;
inline constexpr unsigned text = 25;
inline constexpr unsigned oid = 26;
inline constexpr unsigned json = 114;
inline constexpr unsigned float4 = 700;
inline constexpr unsigned float8 = 701;
inline constexpr unsigned int2_array = 1005;
inline constexpr unsigned int4_array = 1007;
inline constexpr unsigned text_array = 1009;
inline constexpr unsigned varchar_array = 1015;
inline constexpr unsigned int8_array = 1016;
inline constexpr unsigned bpchar = 1042;
inline constexpr unsigned varchar = 1043;
inline constexpr unsigned timestamptz = 1184;
inline constexpr unsigned uuid = 2950;
inline constexpr unsigned uuid_array = 2951;
inline constexpr unsigned jsonb = 3802;

/// 2000-01-01T00:00:00Z, PostgreSQL's zero, in Unix microseconds.
inline constexpr std::int64_t epoch_us = 946684800000000;

}  // namespace postgres::types
