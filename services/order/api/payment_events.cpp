#include "order/api/payment_events.hpp"

#include <optional>

#include "base/timestamp.hpp"
#include "json/decode.hpp"
#include "json/encode.hpp"
#include "logging/logging.hpp"
#include "order/api/error_response.hpp"
#include "order/api/messages.hpp"
#include "order/engine/once_committed.hpp"
#include "service/webhook_signature.hpp"

namespace order::api {
namespace {

constexpr std::size_t event_bytes_max = 4096;

std::optional<ChargeVerdict> verdict_of(std::string_view state) {
    if (state == "charged") return ChargeVerdict::approved;
    if (state == "declined") return ChargeVerdict::declined;
    return std::nullopt;
}

std::string_view to_string(PayFinish finish) {
    switch (finish) {
        case PayFinish::paid:
            return "paid";
        case PayFinish::declined:
            return "declined";
        case PayFinish::refund_due:
            return "refund_due";
        case PayFinish::unknown_attempt:
            break;
    }
    return "unknown_attempt";
}

}  // namespace

net::awaitable<http::Response> take_payment_event(Parts& parts, http::Request& request) {
    if (request.body.size() > event_bytes_max) {
        co_return http::to_response({413, "body_too_large", "An event has less.", {}, {}, {}});
    }
    const std::int64_t now_s = base::unix_now_ms() / 1000;
    const auto genuine = service::check_webhook(request, parts.webhook_secret, now_s);
    if (!genuine) co_return http::to_response(genuine.error());
    const auto event = json::decode<PaymentEventBody>(request.body);
    if (!event) co_return body_response(event.error());
    const auto key = AttemptKey::parse(event->key);
    if (!key) co_return field_response({"key", "Must be <order id>:<attempt>."});
    const auto verdict = verdict_of(event->state);
    if (!verdict) co_return field_response({"state", "Must be charged or declined."});
    if (!parts.payments.has_room()) co_return busy();
    const auto attempt = co_await parts.payments.find(key->order_id, key->n);
    if (!attempt) co_return attempt_unknown();
    if (!is_about(*attempt, event->amount_cents, event->currency)) {
        logging::error(
            "a verdict about another amount",
            {{"attempt", event->key},
             {"amount_cents", event->amount_cents},
             {"currency", event->currency},
             {"trace_id", request.trace.trace_id()}}
        );
        co_return amount_differs();
    }
    const PayFinish finish =
        co_await parts.payments.deliver(key->order_id, key->n, *verdict, true, request.trace);
    if (finish == PayFinish::unknown_attempt) co_return attempt_unknown();
    if (finish == PayFinish::paid) {
        const auto order = co_await once_committed(parts.lookup.find(key->order_id));
        const auto engine = order ? parts.desk.running(order->sale_id) : nullptr;
        if (engine) engine->paid_an_order();
    }
    TakenEventBody body;
    body.outcome = to_string(finish);
    co_return http::json_response(200, json::encode(body));
}

}  // namespace order::api
