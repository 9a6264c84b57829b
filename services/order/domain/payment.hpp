#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/uuid.hpp"
#include "order/domain/request_key.hpp"

namespace order {

/// The most that the provider takes at once (contracts/payment.openapi.yaml): what costs more can't
/// be paid.
inline constexpr std::int64_t charge_cents_max = 100'000'000'000;

/// What `quantity` units cost; nullopt if that is no amount that can be charged.
std::optional<std::int64_t> charge_of(std::int64_t quantity, std::int64_t unit_price_cents);

/// A customer's wish to pay an order of either kind.
struct PayRequest {
    base::Uuid order_id;
    base::Uuid customer_id;
    std::string method;
    std::optional<RequestKey> key = {};
};

/// What the start of a payment attempt came to.
enum class PayStart : std::int16_t {
    started = 0,
    already_paid = 1,
    already_paying = 2,
    expired = 3,
    cancelled = 4,
    refunded = 5,
    not_found = 6,
    declined = 7,  ///< the key's attempt was, now or before
    key_reused = 8,
    busy = 9  ///< the key is in use right now
};

/// A payment attempt as committed before the provider is asked. The provider knows it as
/// "<order id>:<n>": a repeated call of one attempt charges once.
struct PaymentAttempt {
    base::Uuid order_id;
    std::int32_t n = 0;
    std::int64_t amount_cents = 0;
    std::string currency;
};

/// Whether a verdict on this much money is one on the attempt.
bool is_about(const PaymentAttempt& attempt, std::int64_t amount_cents, std::string_view currency);

struct PayStartResult {
    PayStart outcome = PayStart::not_found;
    PaymentAttempt attempt;  ///< set when started
};

enum class ChargeVerdict : std::int16_t { approved = 0, declined = 1 };

enum class VoidAnswer {
    voided,  ///< no money was taken, and none will be
    charged  ///< too late: the attempt was approved, and is to be refunded
};

/// An attempt as the provider knows it: "<order id>:<n>".
struct AttemptKey {
    base::Uuid order_id;
    std::int32_t n = 0;

    static std::optional<AttemptKey> parse(std::string_view text);
    std::string to_string() const;

    bool operator==(const AttemptKey&) const = default;
};

/// True for the payment methods of the sandbox provider (services/payment/README.md).
bool is_payment_method(std::string_view method);
/// All of them, for an answer that says what may be asked.
std::string_view payment_methods();

/// What became of a finished attempt.
enum class PayFinish : std::int16_t {
    paid = 0,
    declined = 1,
    refund_due = 2,  ///< approved, but the order had moved on: the money goes back
    unknown_attempt = 3
};

/// How the cancel of a sale's order goes on, or ended (sale_order_cancel_v1).
enum class SaleCancel : std::int16_t {
    give_back = 0,  ///< it is held: the sale's row gives its units back
    cancelled = 1,
    refunded = 3,
    paying = 4,
    expired = 5,
    not_found = 8,
    key_reused = 9,
    busy = 10,  ///< the key is in use right now
    too_many_keys = 11
};

/// What became of a buyer's wish to have a paid order refunded.
enum class RefundOutcome : std::int16_t {
    refunded = 0,  ///< now or before: the money is due back, the units go to product's stock
    not_paid = 1,
    not_found = 2
};

}  // namespace order
