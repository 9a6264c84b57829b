#include "order/api/place_order.hpp"

#include <fmt/format.h>

#include "base/timestamp.hpp"
#include "json/decode.hpp"
#include "json/encode.hpp"
#include "order/api/error_response.hpp"
#include "order/api/idempotency_key.hpp"
#include "order/api/order_json.hpp"
#include "order/domain/payment.hpp"
#include "order/engine/once_committed.hpp"

namespace order::api {
namespace {

// Left for writing the answer, so that the caller's deadline is kept, not just met.
constexpr std::chrono::milliseconds answer_margin(30);

struct Purchase {
    base::Uuid sale_id;
    Take take;
};

/// Reads and checks everything that needs no other room; nothing was changed when it refuses.
std::expected<Purchase, http::Response> read_purchase(
    Parts& parts, const http::Request& request, const std::optional<base::Uuid>& sale_id
) {
    const auto claims = parts.access.caller(request);
    if (!claims) return std::unexpected(http::to_response(claims.error()));
    if (!sale_id) return std::unexpected(sale_unknown());
    const auto key = key_of(request);
    if (!key) return std::unexpected(field_response(key.error()));
    const auto body = json::decode<PlaceOrderBody>(request.body);
    if (!body) return std::unexpected(body_response(body.error()));
    if (body->quantity < 1 || body->quantity > quantity_max) {
        return std::unexpected(field_response({"quantity", "Must be between 1 and 1000."}));
    }
    Purchase purchase;
    purchase.sale_id = *sale_id;
    purchase.take.order_id = parts.ids.next(base::unix_now_ms());
    purchase.take.customer_id = claims->account_id;
    purchase.take.key = *key;
    purchase.take.fingerprint =
        digest_of(fmt::format("take {} {}", sale_id->to_string(), body->quantity));
    purchase.take.quantity = body->quantity;
    return purchase;
}

http::Response bought_response(
    const Purchase& purchase, const TakeAnswer& answer, const SaleTerms& terms
) {
    SaleOrder order;
    order.id = answer.order_id;
    order.sale_id = purchase.sale_id;
    order.product_id = terms.product_id;
    order.quantity = purchase.take.quantity;
    order.unit_price_cents = terms.unit_price_cents;
    order.currency = terms.currency;
    order.seq = answer.seq;
    order.pos = answer.pos.value_or(0);
    order.expires_at_ms = answer.expires_at_us / 1000;
    order.name = terms.name;
    http::Response response = http::json_response(201, json::encode(to_body(order)));
    response.headers.set("Location", "/api/v1/orders/" + answer.order_id.to_string());
    return response;
}

/// Whom a full line would not let in, whoever they are: in a rush that is nearly everybody, and to
/// check a signature costs more than all the rest (ADR 0048).
std::optional<http::Response> turned_away(Parts& parts, const std::optional<base::Uuid>& sale_id) {
    const auto engine = sale_id ? parts.desk.running(*sale_id) : nullptr;
    const auto answer = engine ? engine->turned_away() : std::nullopt;
    if (!answer) return std::nullopt;
    return refusal_response(*answer, parts.clock.now_us());
}

}  // namespace

net::awaitable<http::Response> place_order(Parts& parts, http::Request& request) {
    const auto sale_id = id_of(request);
    auto refused = turned_away(parts, sale_id);
    if (refused) co_return std::move(*refused);
    const auto purchase = read_purchase(parts, request, sale_id);
    if (!purchase) co_return purchase.error();
    const auto engine = co_await parts.desk.engine(purchase->sale_id, request.deadline);
    if (!engine) co_return sale_unknown();
    if (!charge_of(purchase->take.quantity, engine->terms().unit_price_cents)) {
        co_return field_response(
            {"quantity", "So many cost more than 100000000000, which nobody can pay."}
        );
    }
    const TakeAnswer answer =
        co_await engine->take(purchase->take, request.deadline - answer_margin);
    const bool decided = answer.kind == TakeAnswer::Kind::decided;
    if (decided && answer.outcome == TakeOutcome::bought) {
        co_return bought_response(*purchase, answer, engine->terms());
    }
    if (decided && answer.outcome == TakeOutcome::known) {
        const auto known = co_await once_committed(parts.lookup.find(answer.order_id));
        if (!known) co_return unknown_outcome();
        // The order carries this very request's id if its batch was sent twice: then it is new.
        const int status = answer.order_id == purchase->take.order_id ? 201 : 200;
        co_return http::json_response(status, json::encode(to_body(*known)));
    }
    co_return refusal_response(answer, parts.clock.now_us());
}

}  // namespace order::api
