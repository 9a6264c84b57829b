#pragma once

#include <cstdint>
#include <string>

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

struct PayStartResult {
    PayStart outcome = PayStart::not_found;
    PaymentAttempt attempt;  ///< set when started
};

enum class ChargeVerdict : std::int16_t { approved = 0, declined = 1 };

/// What became of a finished attempt.
enum class PayFinish : std::int16_t {
    paid = 0,
    declined = 1,
    refund_due = 2,  ///< approved, but the order had moved on: the money goes back
    unknown_attempt = 3
};

}  // namespace order
