#include "product/domain/stock.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "product/domain/catalogue.hpp"

namespace product {
namespace {

std::unexpected<FieldProblem> refuse(std::string field, std::string detail) {
    return std::unexpected(FieldProblem{std::move(field), std::move(detail)});
}

std::string field_of_line(std::size_t index, std::string_view name) {
    return "lines[" + std::to_string(index) + "]." + std::string(name);
}

}  // namespace

std::expected<std::vector<Line>, FieldProblem> merge_lines(
    const std::vector<Line>& lines, std::int64_t least, std::string_view quantity_name
) {
    if (lines.empty() || lines.size() > lines_max) {
        return refuse("lines", "Must have 1 to 100 lines.");
    }
    std::map<base::Uuid, std::int64_t> merged;
    for (std::size_t index = 0; index < lines.size(); ++index) {
        const Line& line = lines[index];
        const bool in_range = line.quantity >= least && line.quantity <= quantity_max;
        if (!in_range || merged[line.product_id] + line.quantity > quantity_max) {
            return refuse(
                field_of_line(index, quantity_name),
                "Must be " + std::to_string(least) + " to 1000000000, all lines of a product " +
                    "taken together."
            );
        }
        merged[line.product_id] += line.quantity;
    }
    std::vector<Line> result;
    for (const auto& [product_id, quantity] : merged) result.push_back({product_id, quantity});
    return result;
}

std::string_view to_string(Purpose purpose) {
    return purpose == Purpose::order ? "order" : "flash_sale";
}

std::string_view to_string(ReservationState state) {
    switch (state) {
        case ReservationState::open:
            return "open";
        case ReservationState::settled:
            return "settled";
        case ReservationState::released:
            return "released";
        case ReservationState::tombstone:
            return "tombstone";
    }
    return "";
}

std::optional<Purpose> parse_purpose(std::string_view text) {
    for (const auto purpose : {Purpose::order, Purpose::flash_sale}) {
        if (text == to_string(purpose)) return purpose;
    }
    return std::nullopt;
}

std::optional<ReservationState> parse_reservation_state(std::string_view text) {
    for (const auto state :
         {ReservationState::open,
          ReservationState::settled,
          ReservationState::released,
          ReservationState::tombstone}) {
        if (text == to_string(state)) return state;
    }
    return std::nullopt;
}

std::expected<ReservationRequest, FieldProblem> complete(ReservationRequest request) {
    auto merged = merge_lines(request.lines, 1, "quantity");
    if (!merged) return std::unexpected(merged.error());
    request.lines = std::move(*merged);
    if (request.purpose == Purpose::flash_sale) {
        if (request.expires_in_ms) {
            return refuse(
                "expires_in_ms", "Must be left out: stock of a flash sale never expires."
            );
        }
        if (request.lines.size() != 1) {
            return refuse("lines", "Must name one product: a flash sale sells one.");
        }
        return request;
    }
    const std::int64_t expires_in_ms = request.expires_in_ms.value_or(expires_in_ms_default);
    if (expires_in_ms < expires_in_ms_min || expires_in_ms > expires_in_ms_max) {
        return refuse("expires_in_ms", "Must be 1000 to 86400000.");
    }
    request.expires_in_ms = expires_in_ms;
    return request;
}

}  // namespace product
