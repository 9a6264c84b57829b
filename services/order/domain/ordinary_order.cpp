#include "order/domain/ordinary_order.hpp"

#include <algorithm>
#include <utility>

#include "order/domain/payment.hpp"

namespace order {
namespace {

std::unexpected<FieldProblem> problem(std::string field, std::string detail) {
    return std::unexpected(FieldProblem{std::move(field), std::move(detail)});
}

}  // namespace

std::expected<std::vector<WantedLine>, FieldProblem> merge_lines(
    const std::vector<WantedLine>& lines, const BasketLimits& limits
) {
    const auto lines_max = static_cast<std::size_t>(limits.lines_max);
    const std::string bounds = "Must have 1 to " + std::to_string(limits.lines_max) + " lines.";
    if (lines.empty() || lines.size() > lines_max) return problem("lines", bounds);
    std::vector<WantedLine> merged;
    for (std::size_t index = 0; index < lines.size(); ++index) {
        const WantedLine& line = lines[index];
        auto same = std::ranges::find(merged, line.product_id, &WantedLine::product_id);
        if (same == merged.end()) same = merged.insert(same, {line.product_id, 0});
        const bool fits =
            line.quantity >= 1 && line.quantity <= limits.quantity_max - same->quantity;
        if (!fits) {
            return problem(
                "lines[" + std::to_string(index) + "].quantity",
                "Must be 1 to " + std::to_string(limits.quantity_max) +
                    ", all lines of a product taken together."
            );
        }
        same->quantity += line.quantity;
    }
    return merged;
}

std::string describe_lines(std::vector<WantedLine> lines) {
    std::ranges::sort(lines, {}, &WantedLine::product_id);
    std::string text = "order";
    for (const WantedLine& line : lines) {
        text += ' ' + line.product_id.to_string() + ' ' + std::to_string(line.quantity);
    }
    return text;
}

std::string_view to_string(OrderRefusal refusal) {
    switch (refusal) {
        case OrderRefusal::not_enough_stock:
            return "not_enough_stock";
        case OrderRefusal::product_archived:
            return "product_archived";
        case OrderRefusal::product_unknown:
            return "product_unknown";
        case OrderRefusal::currencies_mixed:
            return "currencies_mixed";
        case OrderRefusal::given_up:
            return "given_up";
        case OrderRefusal::total_too_large:
            return "total_too_large";
    }
    return "unknown";
}

std::optional<std::string> common_currency(const std::vector<PricedLine>& lines) {
    if (lines.empty()) return std::nullopt;
    const std::string& currency = lines.front().currency;
    for (const PricedLine& line : lines) {
        if (line.currency != currency) return std::nullopt;
    }
    return currency;
}

std::optional<std::int64_t> total_of(const std::vector<PricedLine>& lines) {
    std::int64_t total = 0;
    for (const PricedLine& line : lines) {
        const auto cents = charge_of(line.quantity, line.unit_price_cents);
        // Both are at most charge_cents_max: their sum is a number.
        if (!cents || total + *cents > charge_cents_max) return std::nullopt;
        total += *cents;
    }
    return total;
}

}  // namespace order
