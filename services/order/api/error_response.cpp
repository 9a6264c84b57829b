#include "order/api/error_response.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace order::api {
namespace {

// A buyer who is told "not now" comes back after about a second, or when the next hold runs out.
constexpr int retry_after_s = 1;
constexpr std::int64_t retry_after_s_max = 60;

http::Problem key_problem() {
    return {
        422,
        "key_reused",
        "This Idempotency-Key was used for another request; choose a new one.",
        "header Idempotency-Key",
        {},
        {}
    };
}

http::Problem order_problem(OrderRefusal refusal) {
    switch (refusal) {
        case OrderRefusal::not_enough_stock:
            return {
                409,
                "not_enough_stock",
                "Fewer units are free than asked for; `available` says how many. Nothing was set"
                " aside; the same Idempotency-Key may be used again.",
                "lines",
                {},
                {}
            };
        case OrderRefusal::product_archived:
            return {409, "product_archived", "A product is no longer sold.", "lines", {}, {}};
        case OrderRefusal::product_unknown:
            return {422, "product_unknown", "There is no such product.", "lines", {}, {}};
        case OrderRefusal::currencies_mixed:
            return {
                422,
                "currencies_mixed",
                "All products of an order must be sold in one currency; order them apart.",
                "lines",
                {},
                {}
            };
        case OrderRefusal::total_too_large:
            return {
                422,
                "total_too_large",
                "The order costs more than 100000000000, which nobody can pay at once; order less.",
                "lines",
                {},
                {}
            };
        case OrderRefusal::given_up:
            break;
    }
    return {503, "busy", "The shop is busy; try again with the same key.", {}, retry_after_s, {}};
}

http::Problem take_problem(TakeOutcome outcome) {
    switch (outcome) {
        case TakeOutcome::sold_out:
            return {409, "sold_out", "All units are sold for good.", {}, {}, {}};
        case TakeOutcome::sale_over:
            return {409, "sale_over", "The sale has ended.", {}, {}, {}};
        case TakeOutcome::none_left_now:
            return {
                409,
                "none_left_now",
                "All units are held by buyers who have not paid yet; some may come back. Try again"
                " with the same Idempotency-Key.",
                {},
                retry_after_s,
                {}
            };
        case TakeOutcome::not_enough:
            return {
                409,
                "not_enough",
                "Fewer units are left than you asked for; `remaining` says how many.",
                "quantity",
                {},
                {}
            };
        case TakeOutcome::limit_reached:
            return {
                409, "limit_reached", "You have reached this sale's limit per customer.", {}, {}, {}
            };
        case TakeOutcome::paused:
            return {409, "paused", "The sale is paused.", {}, retry_after_s, {}};
        case TakeOutcome::not_started:
            return {409, "not_started", "The sale has not started.", {}, retry_after_s, {}};
        case TakeOutcome::key_reused:
            return key_problem();
        default:
            return {503, "busy", "The shop is busy; try again.", {}, retry_after_s, {}};
    }
}

http::Response still_placing() {
    return http::to_response(
        {409, "placing", "The order is still being placed; ask again.", {}, retry_after_s, {}}
    );
}

/// Of a cancel whose key has this answer for good: the same request once more is no use.
http::Response not_now(std::string code, const std::string& why) {
    return http::to_response(
        {409,
         std::move(code),
         why + " This key's cancel was refused; later, ask again with a new key.",
         {},
         {},
         {}}
    );
}

http::Response order_refused() {
    return http::to_response(
        {409, "refused", "The order was refused; nothing is set aside for it.", {}, {}, {}}
    );
}

}  // namespace

http::Response refusal_response(const TakeAnswer& answer, std::int64_t now_us) {
    if (answer.kind == TakeAnswer::Kind::busy) {
        http::Response response = busy();
        if (answer.busy_for_ms > 0) {
            response.headers.set(
                std::string(http::busy_for_header), fmt::to_string(answer.busy_for_ms)
            );
        }
        return response;
    }
    if (answer.kind == TakeAnswer::Kind::unknown) return unknown_outcome();
    http::Problem problem = take_problem(answer.outcome);
    if (answer.outcome == TakeOutcome::none_left_now && answer.next_expiry_us) {
        const std::int64_t wait_s = (*answer.next_expiry_us - now_us) / 1'000'000 + 1;
        problem.retry_after_s =
            static_cast<int>(std::clamp(wait_s, std::int64_t{1}, retry_after_s_max));
    }
    if (problem.status == 409) {
        problem.members.emplace_back("seq", fmt::to_string(answer.seq));
        if (answer.pos) problem.members.emplace_back("pos", fmt::to_string(*answer.pos));
        problem.members.emplace_back("remaining", fmt::to_string(answer.remaining));
    }
    return http::to_response(problem);
}

http::Response cancel_refusal(ReturnOutcome outcome, Keyed keyed) {
    switch (outcome) {
        case ReturnOutcome::paying:
            if (keyed == Keyed::yes) {
                return not_now("paying", "A payment of this order is under way, or was.");
            }
            return http::to_response(
                {409, "paying", "A payment of this order is under way.", {}, retry_after_s, {}}
            );
        case ReturnOutcome::already_expired:
            return http::to_response(
                {409, "expired", "The hold has run out; its units went back.", {}, {}, {}}
            );
        default:
            return order_unknown();
    }
}

http::Response payment_refusal(Payments::Outcome outcome) {
    switch (outcome) {
        case Payments::Outcome::declined:
            return http::to_response(
                {402, "declined", "The payment was declined; try another way to pay.", {}, {}, {}}
            );
        case Payments::Outcome::expired:
            return http::to_response(
                {409, "expired", "The hold on these units has run out; buy again.", {}, {}, {}}
            );
        case Payments::Outcome::cancelled:
            return http::to_response({409, "cancelled", "The order was cancelled.", {}, {}, {}});
        case Payments::Outcome::refunded:
            return http::to_response({409, "refunded", "The order was refunded.", {}, {}, {}});
        case Payments::Outcome::busy:
            return busy();
        case Payments::Outcome::key_reused:
            return key_reused();
        case Payments::Outcome::unavailable:
            return http::to_response(
                {503,
                 "payment_unavailable",
                 "The payment provider can't be reached; nothing was charged. Try again while the "
                 "units are held.",
                 {},
                 retry_after_s,
                 {}}
            );
        default:
            return order_unknown();
    }
}

http::Response checkout_refusal(const Checkout::Stopped& stopped) {
    switch (stopped.why) {
        case Checkout::Stop::busy:
            return busy();
        case Checkout::Stop::unknown:
            return unknown_outcome();
        case Checkout::Stop::key_reused:
            return key_reused();
        case Checkout::Stop::too_many_open:
            return http::to_response(
                {409,
                 "too_many_open_orders",
                 "You have too many unpaid orders; pay or cancel one first.",
                 {},
                 {},
                 {}}
            );
        case Checkout::Stop::refused:
            break;
    }
    http::Problem problem = order_problem(stopped.refusal.why);
    if (stopped.refusal.product_id) {
        problem.members.emplace_back(
            "product_id", fmt::format("\"{}\"", stopped.refusal.product_id->to_string())
        );
    }
    if (stopped.refusal.available) {
        problem.members.emplace_back("available", fmt::to_string(*stopped.refusal.available));
    }
    return http::to_response(problem);
}

http::Response cancel_refusal(OrdinaryCancel outcome, Keyed keyed) {
    switch (outcome) {
        case OrdinaryCancel::paying:
            return cancel_refusal(ReturnOutcome::paying, keyed);
        case OrdinaryCancel::expired:
            return cancel_refusal(ReturnOutcome::already_expired, keyed);
        case OrdinaryCancel::placing:
            if (keyed == Keyed::yes) {
                return not_now("placing", "The order was still being placed.");
            }
            return still_placing();
        case OrdinaryCancel::refused:
            return order_refused();
        case OrdinaryCancel::key_reused:
            return key_reused();
        case OrdinaryCancel::too_many_keys:
            return too_many_keys();
        case OrdinaryCancel::busy:
            return busy();
        default:
            return order_unknown();
    }
}

http::Response payment_refusal(Checkout::Payment outcome) {
    switch (outcome) {
        case Checkout::Payment::declined:
            return payment_refusal(Payments::Outcome::declined);
        case Checkout::Payment::expired:
            return payment_refusal(Payments::Outcome::expired);
        case Checkout::Payment::cancelled:
            return payment_refusal(Payments::Outcome::cancelled);
        case Checkout::Payment::refunded:
            return payment_refusal(Payments::Outcome::refunded);
        case Checkout::Payment::placing:
            return still_placing();
        case Checkout::Payment::refused:
            return order_refused();
        case Checkout::Payment::busy:
            return busy();
        case Checkout::Payment::key_reused:
            return key_reused();
        case Checkout::Payment::unavailable:
            return payment_refusal(Payments::Outcome::unavailable);
        default:
            return order_unknown();
    }
}

http::Response field_response(const FieldProblem& problem) {
    return http::to_response({400, "invalid_field", problem.detail, problem.field, {}, {}});
}

http::Response body_response(const json::Error& error) {
    return http::to_response({400, "invalid_body", error.message, error.path, {}, {}});
}

http::Response attempt_unknown() {
    return http::to_response(
        {404, "attempt_unknown", "There is no such payment attempt.", "key", {}, {}}
    );
}

http::Response amount_differs() {
    return http::to_response(
        {422,
         "amount_differs",
         "The attempt was begun with another amount or currency; this is no verdict on it.",
         "amount_cents",
         {},
         {}}
    );
}

http::Response sale_unknown() {
    return http::to_response({404, "sale_unknown", "There is no such flash sale.", {}, {}, {}});
}

http::Response order_unknown() {
    return http::to_response({404, "order_unknown", "You have no such order.", {}, {}, {}});
}

http::Response key_reused() {
    return http::to_response(key_problem());
}

http::Response too_many_keys() {
    return http::to_response(
        {409,
         "too_many_keys",
         "This order's cancel was asked for under 100 keys; ask without a key.",
         "header Idempotency-Key",
         {},
         {}}
    );
}

http::Response busy() {
    return http::to_response(
        {503, "busy", "The shop is busy; try again with the same key.", {}, retry_after_s, {}}
    );
}

http::Response unknown_outcome() {
    return http::to_response(
        {503,
         "unknown",
         "The outcome is not known yet; ask again with the same key to learn it.",
         {},
         retry_after_s,
         {}}
    );
}

}  // namespace order::api
