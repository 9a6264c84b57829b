#pragma once

#include "http/problem.hpp"
#include "json/json.hpp"
#include "payment/domain/charge.hpp"

// The one place where outcomes become statuses and codes (contracts/payment.openapi.yaml).

namespace payment::api {

http::Response field_response(const FieldProblem& problem);
http::Response body_response(const json::Error& error);

/// Of a charge that was made before the void came: it takes a refund.
http::Response void_refusal(ChargeState state);
/// Of a charge that is not charged: pending, or nothing was ever taken.
http::Response refund_refusal(ChargeState state);

http::Response charge_unknown();
http::Response key_reused();
http::Response busy();             ///< certainly not charged
http::Response unknown_outcome();  ///< perhaps charged: ask

}  // namespace payment::api
