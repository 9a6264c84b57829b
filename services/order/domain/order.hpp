#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/uuid.hpp"

namespace order {

/// Where an order stands, of a sale or an ordinary one. The numbers are stored.
enum class OrderState : std::int16_t {
    reserved = 0,  ///< units held until expires_at
    paying = 1,    ///< a payment attempt is under way
    paid = 2,
    cancelled = 3,  ///< by the buyer; units came back
    expired = 4,    ///< not paid in time; units came back
    refunded = 5,   ///< paid, then refunded: units go to product's stock, not back to the sale
    placing = 6,    ///< ordinary orders only: product has not answered yet
    refused = 7     ///< ordinary orders only: product has no such units
};

std::string_view to_string(OrderState state);
std::optional<OrderState> parse_order_state(std::string_view text);

/// True where the order counts toward units_per_customer.
constexpr bool holds_units(OrderState state) {
    return state != OrderState::cancelled && state != OrderState::expired;
}

struct SaleOrder {
    base::Uuid id;
    base::Uuid sale_id;
    base::Uuid product_id;
    base::Uuid customer_id;
    std::int64_t quantity = 0;
    std::int64_t unit_price_cents = 0;
    std::string currency;
    OrderState state = OrderState::reserved;
    std::int64_t seq = 0;
    std::int64_t pos = 0;
    std::int64_t expires_at_ms = 0;
    std::string name;  ///< the sale's
};

}  // namespace order
