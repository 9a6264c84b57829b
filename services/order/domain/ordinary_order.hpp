#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"
#include "order/domain/order.hpp"
#include "order/domain/sale_rules.hpp"

namespace order {

/// Units of one product that a customer asks for.
struct WantedLine {
    base::Uuid product_id;
    std::int64_t quantity = 0;

    bool operator==(const WantedLine&) const = default;
};

struct BasketLimits {
    std::int64_t lines_max = 50;            ///< of different products
    std::int64_t quantity_max = 1000;       ///< of one product
    std::int64_t open_orders_max = 20;      ///< unpaid ones of one customer
    std::int64_t hold_ms = 15 * 60 * 1000;  ///< how long product keeps the units for an unpaid one
};

/// One line per product, in the order in which each was named first; or what is wrong.
std::expected<std::vector<WantedLine>, FieldProblem> merge_lines(
    const std::vector<WantedLine>& lines, const BasketLimits& limits
);

/// The same text for every request that asks for the same units, whatever the order of its lines.
std::string describe_lines(std::vector<WantedLine> lines);

/// Why an order was refused. The numbers are stored.
enum class OrderRefusal : std::int16_t {
    not_enough_stock = 1,
    product_archived = 2,
    product_unknown = 3,
    currencies_mixed = 4,  ///< products of one order have one currency
    given_up = 5,          ///< no answer in time, or the reservation is not as asked
    total_too_large = 6    ///< more than a payment can carry
};

std::string_view to_string(OrderRefusal refusal);

struct RefusedOrder {
    OrderRefusal why = OrderRefusal::given_up;
    std::optional<base::Uuid> product_id;
    std::optional<std::int64_t> available;
};

/// A line as product sold it: frozen with the order.
struct PricedLine {
    base::Uuid product_id;
    std::int64_t quantity = 0;
    std::string name;
    std::int64_t unit_price_cents = 0;
    std::string currency;
};

/// What product set aside for one order.
struct StockHold {
    std::vector<PricedLine> lines;
    std::int64_t expires_at_ms = 0;
};

/// The currency that all lines share; nullopt if they don't.
std::optional<std::string> common_currency(const std::vector<PricedLine>& lines);

/// What all lines cost; nullopt if that is more than can be charged at once.
std::optional<std::int64_t> total_of(const std::vector<PricedLine>& lines);

/// An ordinary order as stored.
struct OrdinaryOrder {
    struct Line {
        base::Uuid product_id;
        std::int64_t quantity = 0;
        std::string name;  ///< empty until reserved
        std::int64_t unit_price_cents = 0;
    };

    base::Uuid id;
    base::Uuid customer_id;
    OrderState state = OrderState::placing;
    std::int32_t attempt = 1;
    base::Uuid reservation_id;  ///< product's, of this attempt
    std::optional<std::int64_t> total_cents;
    std::optional<std::string> currency;
    std::int64_t expires_at_ms = 0;  ///< of a placing order: when it is given up
    std::int64_t created_at_ms = 0;
    std::vector<Line> lines;
    std::optional<RefusedOrder> refusal;

    bool is_priced() const { return total_cents.has_value(); }
};

/// What came of committing an order as `placing`.
struct Placement {
    enum class Outcome : std::int16_t {
        placing = 0,  ///< ask product
        known = 1,    ///< the key's order is past that
        key_reused = 2,
        too_many_open = 3
    };
    Outcome outcome = Outcome::placing;
    base::Uuid order_id;
    std::int32_t attempt = 0;
    base::Uuid reservation_id;
};

/// What the start of an ordinary order's payment came to.
enum class OrdinaryPayStart : std::int16_t {
    started = 0,
    already_paid = 1,
    already_paying = 2,
    expired = 3,
    cancelled = 4,
    refunded = 5,
    not_found = 6,
    placing = 7,
    refused = 8,
    declined = 9,  ///< the key's attempt was, now or before
    key_reused = 10,
    busy = 11  ///< the key is in use right now
};

/// What became of a finished attempt of an ordinary order.
enum class OrdinaryPayFinish : std::int16_t {
    approved = 0,  ///< on record; product is to be asked to settle
    declined = 1,
    refund_due = 2,
    unknown_attempt = 3,
    paid = 4,
    not_ordinary = 5  ///< no ordinary order has this id
};

enum class OrdinaryCancel : std::int16_t {
    cancelled = 0,
    already_cancelled = 1,
    refunded = 2,
    already_refunded = 3,
    paying = 4,
    expired = 5,
    placing = 6,
    refused = 7,
    not_found = 8,
    key_reused = 9,
    busy = 10,  ///< the key is in use right now
    too_many_keys = 11
};

}  // namespace order
