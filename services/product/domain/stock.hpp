#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"
#include "product/domain/field_problem.hpp"

namespace product {

inline constexpr std::size_t lines_max = 100;
inline constexpr std::int64_t expires_in_ms_default = 15 * 60 * 1000;
inline constexpr std::int64_t expires_in_ms_min = 1000;
inline constexpr std::int64_t expires_in_ms_max = 24 * 60 * 60 * 1000;

/// Units of one product.
struct Line {
    base::Uuid product_id;
    std::int64_t quantity = 0;

    bool operator==(const Line&) const = default;
};

/// One line per product, in id order: the order in which rows are locked.
/// `least`: the smallest quantity a line may have.
std::expected<std::vector<Line>, FieldProblem> merge_lines(
    const std::vector<Line>& lines, std::int64_t least, std::string_view quantity_name
);

enum class Purpose { order, flash_sale };
enum class ReservationState { open, settled, released, tombstone };

std::string_view to_string(Purpose purpose);
std::string_view to_string(ReservationState state);
std::optional<Purpose> parse_purpose(std::string_view text);
std::optional<ReservationState> parse_reservation_state(std::string_view text);

/// A wish to set stock aside, under an id that its caller chose.
struct ReservationRequest {
    base::Uuid id;
    Purpose purpose = Purpose::order;
    std::vector<Line> lines;                    ///< merged
    std::optional<std::int64_t> expires_in_ms;  ///< for orders only
};

/// Merges the lines, fills in an order's default expiry, and refuses what no reservation can be:
/// a flash sale has one product and never expires.
std::expected<ReservationRequest, FieldProblem> complete(ReservationRequest request);

struct ReservationLine {
    base::Uuid product_id;
    std::int64_t quantity = 0;
    std::int64_t sold = 0;
    // The product's as they were when the reservation was made.
    std::string name;
    std::int64_t price_cents = 0;
    std::string currency;
};

struct Reservation {
    base::Uuid id;
    std::optional<Purpose> purpose;  ///< none for a tombstone
    ReservationState state = ReservationState::open;
    std::optional<std::int64_t> expires_at_ms;
    std::int64_t created_at_ms = 0;
    std::optional<std::int64_t> closed_at_ms;
    std::vector<ReservationLine> lines;
};

}  // namespace product
