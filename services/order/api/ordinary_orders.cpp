#include "order/api/ordinary_orders.hpp"

#include "json/encode.hpp"
#include "order/api/error_response.hpp"
#include "order/api/order_json.hpp"
#include "order/engine/once_committed.hpp"

namespace order::api {
namespace {

/// The order after it was paid or cancelled.
net::awaitable<http::Response> show(
    Parts& parts, int status, base::Uuid order, net::Deadline deadline
) {
    const auto found = co_await once_committed(parts.ordinary_orders.find(order, deadline));
    if (!found) co_return order_unknown();
    co_return http::json_response(status, json::encode(to_body(*found)));
}

/// The order's customer; nullopt: no such order of either kind.
net::awaitable<std::optional<base::Uuid>> owner_of(
    Parts& parts, base::Uuid order, net::Deadline deadline
) {
    const auto of_sale = co_await parts.lookup.find(order);
    if (of_sale) co_return of_sale->customer_id;
    const auto ordinary = co_await parts.ordinary_orders.find(order, deadline);
    if (ordinary) co_return ordinary->customer_id;
    co_return std::nullopt;
}

}  // namespace

net::awaitable<http::Response> pay_ordinary_order(
    Parts& parts, base::Uuid order, base::Uuid customer, std::string method, net::Deadline deadline
) {
    const Checkout::Payment outcome =
        co_await parts.checkout.pay(order, customer, std::move(method), deadline);
    switch (outcome) {
        case Checkout::Payment::paid:
            co_return co_await show(parts, 200, order, deadline);
        case Checkout::Payment::undecided:
            co_return co_await show(parts, 202, order, deadline);
        default:
            co_return payment_refusal(outcome);
    }
}

net::awaitable<http::Response> cancel_ordinary_order(
    Parts& parts, base::Uuid order, base::Uuid customer, net::Deadline deadline
) {
    const OrdinaryCancel outcome = co_await parts.checkout.cancel(order, customer, deadline);
    switch (outcome) {
        case OrdinaryCancel::cancelled:
        case OrdinaryCancel::already_cancelled:
        case OrdinaryCancel::refunded:
        case OrdinaryCancel::already_refunded:
            co_return co_await show(parts, 200, order, deadline);
        default:
            co_return cancel_refusal(outcome);
    }
}

net::awaitable<http::Response> list_order_events(Parts& parts, http::Request& request) {
    const auto claims = parts.access.caller(request);
    if (!claims) co_return http::to_response(claims.error());
    const auto id = id_of(request);
    if (!id) co_return order_unknown();
    const auto owner = co_await owner_of(parts, *id, request.deadline);
    if (owner != claims->account_id) co_return order_unknown();
    const auto events = co_await parts.history.find(*id, request.deadline);
    OrderEventListBody body;
    for (const OrderEvent& event : events) body.events.push_back(to_body(event));
    co_return http::json_response(200, json::encode(body));
}

}  // namespace order::api
