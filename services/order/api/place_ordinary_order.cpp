#include "order/api/place_ordinary_order.hpp"

#include "base/timestamp.hpp"
#include "json/decode.hpp"
#include "json/encode.hpp"
#include "order/api/error_response.hpp"
#include "order/api/idempotency_key.hpp"
#include "order/api/order_json.hpp"

namespace order::api {
namespace {

// Left for writing the answer, so that the caller's deadline is kept, not just met.
constexpr std::chrono::milliseconds answer_margin(30);

/// Reads and checks everything that needs no other room; nothing was changed when it refuses.
std::expected<OrdinaryOrderStore::NewOrder, http::Response> read_order(
    Parts& parts, const http::Request& request
) {
    const auto claims = parts.access.caller(request);
    if (!claims) return std::unexpected(http::to_response(claims.error()));
    const auto key = key_of(request);
    if (!key) return std::unexpected(field_response(key.error()));
    const auto body = json::decode<PlaceOrdinaryOrderBody>(request.body);
    if (!body) return std::unexpected(body_response(body.error()));
    std::vector<WantedLine> wanted;
    for (const WantedLineBody& line : body->lines) {
        wanted.push_back({line.product_id, line.quantity});
    }
    auto lines = merge_lines(wanted, parts.checkout.basket_limits());
    if (!lines) return std::unexpected(field_response(lines.error()));
    OrdinaryOrderStore::NewOrder order;
    order.id = parts.ids.next(base::unix_now_ms());
    order.customer_id = claims->account_id;
    order.key = *key;
    order.fingerprint = digest_of(describe_lines(*lines));
    order.lines = std::move(*lines);
    return order;
}

}  // namespace

net::awaitable<http::Response> place_ordinary_order(Parts& parts, http::Request& request) {
    const auto order = read_order(parts, request);
    if (!order) co_return order.error();
    const Call call(request.deadline - answer_margin, request.trace);
    const auto placed = co_await parts.checkout.place(*order, call);
    if (!placed) co_return checkout_refusal(placed.error());
    const int status = placed->repeated ? 200 : 201;
    http::Response response = http::json_response(status, json::encode(to_body(placed->order)));
    if (status == 201) {
        response.headers.set("Location", "/api/v1/orders/" + placed->order.id.to_string());
    }
    co_return response;
}

}  // namespace order::api
