#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "order/domain/sale.hpp"

namespace order {

/// What is wrong with a request, told by the field that the caller sent.
struct FieldProblem {
    std::string field;
    std::string detail;
};

inline constexpr std::int64_t units_max = 10'000'000;
inline constexpr std::int64_t quantity_max = 1000;
inline constexpr std::int64_t hold_ms_min = 1000;
inline constexpr std::int64_t hold_ms_max = 24 * 3600 * 1000;
inline constexpr std::int64_t sale_ms_max = std::int64_t{31} * 24 * 3600 * 1000;
inline constexpr std::size_t name_bytes_max = 200;
inline constexpr std::size_t key_bytes_max = 128;

/// Whether a sale may be made on these terms.
std::expected<void, FieldProblem> check_terms(const SaleTerms& terms, std::int64_t now_ms);

/// An Idempotency-Key is 1 to key_bytes_max visible ASCII characters.
bool is_key(std::string_view text);

}  // namespace order
