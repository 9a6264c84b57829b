#include "order/domain/sale.hpp"

namespace order {

std::string_view to_string(SaleState state) {
    switch (state) {
        case SaleState::preparing:
            return "preparing";
        case SaleState::refused:
            return "refused";
        case SaleState::open:
            return "open";
        case SaleState::paused:
            return "paused";
        case SaleState::draining:
            return "draining";
        case SaleState::settled:
            return "settled";
    }
    return "unknown";
}

std::string_view phase_of(const Sale& sale, std::int64_t now_ms) {
    if (sale.standing.state != SaleState::open) return to_string(sale.standing.state);
    if (now_ms < sale.terms.starts_at_ms) return "scheduled";
    if (now_ms >= sale.terms.ends_at_ms) return "over";
    return sale.standing.sold_out ? "sold_out" : "running";
}

}  // namespace order
