#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/uuid.hpp"

namespace order {

/// Where a sale stands. The numbers are stored; they never change their meaning.
enum class SaleState : std::int16_t {
    preparing = 0,  ///< product has not yet set the units aside
    refused = 1,    ///< product refused to; final
    open = 2,       ///< not started, running or past its end, by the database's clock
    paused = 3,
    draining = 4,  ///< no takes any more; pay, cancel and expiry go on
    settled = 5    ///< sold and released are fixed; final
};

std::string_view to_string(SaleState state);

/// What an operator can do to a sale.
enum class SaleAction : std::int16_t { pause = 0, resume = 1, end = 2 };

/// The part of a sale that never changes once it is open.
struct SaleTerms {
    base::Uuid id;
    base::Uuid product_id;
    std::string name;
    std::int64_t unit_price_cents = 0;
    std::string currency;
    std::int64_t allotted = 0;
    std::int64_t units_per_customer = 1;
    std::int64_t holds_per_customer = 3;
    std::int64_t hold_ms = 0;
    std::int64_t starts_at_ms = 0;
    std::int64_t ends_at_ms = 0;
    std::int64_t created_at_ms = 0;
};

/// The part that changes, as of one snapshot.
struct SaleStanding {
    SaleState state = SaleState::preparing;
    std::int64_t fence = 0;
    std::int64_t seq = 0;
    std::int64_t remaining = 0;
    bool sold_out = false;      ///< for good: nothing left and nothing that could come back
    std::int64_t sold = 0;      ///< fixed at settlement
    std::int64_t released = 0;  ///< fixed at settlement
    std::string refusal;        ///< why product refused, if it did
};

struct Sale {
    SaleTerms terms;
    SaleStanding standing;
};

/// What a reader is told: open is split by the clock into scheduled, running and over.
std::string_view phase_of(const Sale& sale, std::int64_t now_ms);

}  // namespace order
