#include "order/domain/order.hpp"

namespace order {

std::string_view to_string(OrderState state) {
    switch (state) {
        case OrderState::reserved:
            return "reserved";
        case OrderState::paying:
            return "paying";
        case OrderState::paid:
            return "paid";
        case OrderState::cancelled:
            return "cancelled";
        case OrderState::expired:
            return "expired";
        case OrderState::refunded:
            return "refunded";
        case OrderState::placing:
            return "placing";
        case OrderState::refused:
            return "refused";
    }
    return "unknown";
}

std::optional<OrderState> parse_order_state(std::string_view text) {
    for (int number = 0; number <= static_cast<int>(OrderState::refused); ++number) {
        const auto state = static_cast<OrderState>(number);
        if (text == to_string(state)) return state;
    }
    return std::nullopt;
}

}  // namespace order
