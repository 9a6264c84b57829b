#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/uuid.hpp"

namespace order {

/// What the start of a payment attempt came to.
enum class PayStart : std::int16_t {
    started = 0,
    already_paid = 1,
    already_paying = 2,
    expired = 3,
    cancelled = 4,
    refunded = 5,
    not_found = 6
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

/// What became of a buyer's wish to have a paid order refunded.
enum class RefundOutcome : std::int16_t {
    refunded = 0,  ///< now or before: the money is due back, the units go to product's stock
    not_paid = 1,
    not_found = 2
};

}  // namespace order
