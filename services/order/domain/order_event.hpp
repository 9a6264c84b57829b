#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "order/domain/ordinary_order.hpp"

namespace order {

/// One thing that happened to an order. `kind` is what the contract's OrderEvent calls it.
struct OrderEvent {
    std::int64_t at_ms = 0;
    std::string kind;
    std::optional<std::int64_t> payment_n;
    std::optional<RefusedOrder> refusal;
};

}  // namespace order
