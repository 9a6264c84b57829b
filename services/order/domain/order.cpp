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
    }
    return "unknown";
}

}  // namespace order
