#pragma once

#include <string>

#include "http/problem.hpp"
#include "json/json.hpp"
#include "order/domain/answers.hpp"
#include "order/domain/sale_rules.hpp"
#include "order/engine/checkout.hpp"
#include "order/engine/payments.hpp"

// The one place where outcomes become statuses and codes (contracts/order.openapi.yaml).

namespace order::api {

/// Everything but `bought` and `known`.
http::Response refusal_response(const TakeAnswer& answer, std::int64_t now_us);

/// Whether a cancel came with an Idempotency-Key, which is bound to its refusal then.
enum class Keyed : bool { no, yes };

/// Of an order that is neither cancelled nor paid: those are answered with the order.
http::Response cancel_refusal(ReturnOutcome outcome, Keyed keyed);
http::Response payment_refusal(Payments::Outcome outcome);

/// For ordinary orders; only outcomes that are not answered with the order.
http::Response checkout_refusal(const Checkout::Stopped& stopped);
http::Response cancel_refusal(OrdinaryCancel outcome, Keyed keyed);
http::Response payment_refusal(Checkout::Payment outcome);

http::Response field_response(const FieldProblem& problem);
http::Response body_response(const json::Error& error);

http::Response attempt_unknown();
http::Response amount_differs();
http::Response sale_unknown();
http::Response order_unknown();
http::Response key_reused();
http::Response too_many_keys();
http::Response busy();
http::Response unknown_outcome();

}  // namespace order::api
