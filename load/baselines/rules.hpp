#pragma once

#include <cstdint>
#include <string>

#include "base/uuid.hpp"

namespace baselines {

/// What never changes once a sale is open: read once per sale.
struct Terms {
    base::Uuid id;
    std::int32_t sale_no = 0;
    base::Uuid product_id;
    std::int64_t unit_price_cents = 0;
    std::string currency;
    std::int64_t units_per_customer = 0;
    std::int64_t holds_per_customer = 0;
    std::int64_t hold_ms = 0;
};

struct Take {
    base::Uuid order_id;  ///< the id that the order gets if the units are given
    base::Uuid customer_id;
    base::Uuid key;          ///< digest of the Idempotency-Key
    base::Uuid fingerprint;  ///< digest of the decoded request
    std::int32_t quantity = 1;
};

/// Those of orders.sale_apply_v1, with its numbers.
enum class Outcome : std::int16_t {
    bought = 0,
    known = 1,
    key_reused = 2,
    sold_out = 3,
    sale_over = 4,
    none_left_now = 5,
    not_enough = 6,
    limit_reached = 7,
    paused = 8,
    not_started = 9,
    late = 10
};

/// The sale and this customer's part in it, as read under the lock.
struct Standing {
    std::int16_t state = 0;  ///< of orders.sale_units: 2 open, 3 paused
    bool has_started = false;
    bool has_ended = false;
    bool sold_out = false;
    std::int64_t remaining = 0;
    base::Uuid known_id;           ///< nil: this key has no order
    base::Uuid known_fingerprint;  ///< of that order
    std::int64_t units = 0;        ///< that count toward the customer's limit
    std::int64_t holds = 0;        ///< ever opened by the customer
};

/// The checks of orders.sale_apply_v1, in its order.
Outcome judge(const Terms& terms, const Take& take, const Standing& standing);

}  // namespace baselines
