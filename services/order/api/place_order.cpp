#include "order/api/place_order.hpp"

#include <fmt/format.h>

#include "base/timestamp.hpp"
#include "json/decode.hpp"
#include "json/encode.hpp"
#include "order/api/error_response.hpp"
#include "order/api/order_json.hpp"

namespace order::api {
namespace {

// Left for writing the answer, so that the caller's deadline is kept, not just met.
constexpr std::chrono::milliseconds answer_margin(30);

struct Purchase {
    base::Uuid sale_id;
    Take take;
};

/// Reads and checks everything that needs no other room; nothing was changed when it refuses.
std::expected<Purchase, http::Response> read_purchase(Parts& parts, const http::Request& request) {
    const auto claims = parts.access.caller(request);
    if (!claims) return std::unexpected(http::to_response(claims.error()));
    const auto sale_id = id_of(request);
    if (!sale_id) return std::unexpected(sale_unknown());
    const auto key = request.headers.get("Idempotency-Key");
    if (!key || !is_key(*key)) {
        return std::unexpected(field_response(
            {"header Idempotency-Key",
             key ? "Must be 1 to 128 visible ASCII characters."
                 : "Is required: send a value of your own, and the same one when you try again."}
        ));
    }
    const auto body = json::decode<PlaceOrderBody>(request.body);
    if (!body) return std::unexpected(body_response(body.error()));
    if (body->quantity < 1 || body->quantity > quantity_max) {
        return std::unexpected(field_response({"quantity", "Must be between 1 and 1000."}));
    }
    Purchase purchase;
    purchase.sale_id = *sale_id;
    purchase.take.order_id = parts.ids.next(base::unix_now_ms());
    purchase.take.customer_id = claims->account_id;
    purchase.take.key = digest_of(*key);
    purchase.take.fingerprint =
        digest_of(fmt::format("take {} {}", sale_id->to_string(), body->quantity));
    purchase.take.quantity = body->quantity;
    return purchase;
}

http::Response bought_response(
    const Purchase& purchase, const TakeAnswer& answer, const SaleTerms& terms
) {
    OrderBody body;
    body.order_id = answer.order_id;
    body.sale_id = purchase.sale_id;
    body.product_id = terms.product_id;
    body.quantity = purchase.take.quantity;
    body.unit_price_cents = terms.unit_price_cents;
    body.currency = terms.currency;
    body.state = to_string(OrderState::reserved);
    body.seq = answer.seq;
    body.pos = answer.pos.value_or(0);
    body.expires_at = base::format_timestamp(answer.expires_at_us / 1000);
    http::Response response = http::json_response(201, json::encode(body));
    response.headers.set("Location", "/api/v1/orders/" + answer.order_id.to_string());
    return response;
}

}  // namespace

net::awaitable<http::Response> place_order(Parts& parts, http::Request& request) {
    const auto purchase = read_purchase(parts, request);
    if (!purchase) co_return purchase.error();
    const auto engine = co_await parts.desk.engine(purchase->sale_id, request.deadline);
    if (!engine) co_return sale_unknown();
    const TakeAnswer answer =
        co_await engine->take(purchase->take, request.deadline - answer_margin);
    const bool decided = answer.kind == TakeAnswer::Kind::decided;
    if (decided && answer.outcome == TakeOutcome::bought) {
        co_return bought_response(*purchase, answer, engine->terms());
    }
    if (decided && answer.outcome == TakeOutcome::known) {
        const auto known = co_await parts.lookup.find(answer.order_id);
        if (!known) co_return unknown_outcome();
        // The order carries this very request's id if its batch was sent twice: then it is new.
        const int status = answer.order_id == purchase->take.order_id ? 201 : 200;
        co_return http::json_response(status, json::encode(to_body(*known)));
    }
    co_return refusal_response(answer, parts.clock.now_us());
}

}  // namespace order::api
