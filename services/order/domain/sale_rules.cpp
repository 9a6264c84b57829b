#include "order/domain/sale_rules.hpp"

#include <algorithm>

#include "order/domain/payment.hpp"

namespace order {
namespace {

std::unexpected<FieldProblem> problem(std::string field, std::string detail) {
    return std::unexpected(FieldProblem{std::move(field), std::move(detail)});
}

bool is_currency(std::string_view text) {
    return text.size() == 3 &&
           std::ranges::all_of(text, [](char letter) { return letter >= 'A' && letter <= 'Z'; });
}

}  // namespace

std::expected<void, FieldProblem> check_terms(const SaleTerms& terms, std::int64_t now_ms) {
    if (terms.name.empty() || terms.name.size() > name_bytes_max) {
        return problem("name", "Give the sale a name of 1 to 200 bytes.");
    }
    if (terms.allotted < 1 || terms.allotted > units_max) {
        return problem("units", "Must be between 1 and 10000000.");
    }
    if (terms.unit_price_cents < 0 || terms.unit_price_cents > 1'000'000'000) {
        return problem("unit_price_cents", "Must be between 0 and 1000000000.");
    }
    if (!is_currency(terms.currency)) {
        return problem("currency", "Must be three capital letters (ISO 4217), such as EUR.");
    }
    if (terms.ends_at_ms <= terms.starts_at_ms) {
        return problem("ends_at", "Must be after starts_at.");
    }
    if (terms.ends_at_ms <= now_ms) return problem("ends_at", "Must be in the future.");
    if (terms.ends_at_ms - terms.starts_at_ms > sale_ms_max) {
        return problem("ends_at", "A sale lasts at most 31 days.");
    }
    if (terms.units_per_customer < 1 || terms.units_per_customer > quantity_max) {
        return problem("units_per_customer", "Must be between 1 and 1000.");
    }
    const std::int64_t units_of_one = std::min(terms.units_per_customer, terms.allotted);
    if (!charge_of(units_of_one, terms.unit_price_cents)) {
        return problem(
            "units_per_customer",
            "At this unit_price_cents so many cost more than 100000000000, which nobody can pay."
        );
    }
    if (terms.holds_per_customer < 1 || terms.holds_per_customer > quantity_max) {
        return problem("holds_per_customer", "Must be between 1 and 1000.");
    }
    if (terms.hold_ms < hold_ms_min || terms.hold_ms > hold_ms_max) {
        return problem("hold_ms", "Must be between 1000 (a second) and 86400000 (a day).");
    }
    return {};
}

bool is_key(std::string_view text) {
    return !text.empty() && text.size() <= key_bytes_max &&
           std::ranges::all_of(text, [](char letter) { return letter > ' ' && letter <= '~'; });
}

}  // namespace order
