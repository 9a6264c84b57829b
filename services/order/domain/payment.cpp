#include "order/domain/payment.hpp"

#include <algorithm>
#include <array>

#include "base/whole_number.hpp"

namespace order {
namespace {

constexpr std::array methods{
    std::string_view("sandbox:approve"),
    std::string_view("sandbox:decline"),
    std::string_view("sandbox:slow"),
    std::string_view("sandbox:webhook-first"),
    std::string_view("sandbox:duplicate"),
    std::string_view("sandbox:silent"),
};

}  // namespace

std::optional<std::int64_t> charge_of(std::int64_t quantity, std::int64_t unit_price_cents) {
    std::int64_t cents = 0;
    const bool is_amount = quantity >= 0 && unit_price_cents >= 0 &&
                           !__builtin_mul_overflow(quantity, unit_price_cents, &cents) &&
                           cents <= charge_cents_max;
    if (!is_amount) return std::nullopt;
    return cents;
}

bool is_about(const PaymentAttempt& attempt, std::int64_t amount_cents, std::string_view currency) {
    return attempt.amount_cents == amount_cents && attempt.currency == currency;
}

std::optional<AttemptKey> AttemptKey::parse(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto order = base::Uuid::parse(text.substr(0, colon));
    const std::string_view number = text.substr(colon + 1);
    AttemptKey key;
    key.n = base::whole_number<std::int32_t>(number).value_or(0);
    if (!order || key.n < 1) return std::nullopt;
    key.order_id = *order;
    // One attempt has one name: no leading zeros, no capital letters.
    if (key.to_string() != text) return std::nullopt;
    return key;
}

std::string AttemptKey::to_string() const {
    return order_id.to_string() + ":" + std::to_string(n);
}

bool is_payment_method(std::string_view method) {
    return std::ranges::find(methods, method) != methods.end();
}

std::string_view payment_methods() {
    return "sandbox:approve, sandbox:decline, sandbox:slow, sandbox:webhook-first, "
           "sandbox:duplicate, sandbox:silent";
}

}  // namespace order
