#include "order/api/ordinary_orders.hpp"

#include "json/encode.hpp"
#include "order/api/error_response.hpp"
#include "order/api/order_json.hpp"
#include "order/engine/once_committed.hpp"

namespace order::api {
namespace {

/// The order after it was paid or cancelled. `state`: what this answer is about, if that is final;
/// the order may have moved on since.
net::awaitable<http::Response> show(
    Parts& parts,
    int status,
    base::Uuid order,
    std::optional<OrderState> state,
    net::Deadline deadline
) {
    auto found = co_await once_committed(parts.ordinary_orders.find(order, deadline));
    if (!found) co_return order_unknown();
    found->state = state.value_or(found->state);
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

net::awaitable<http::Response> pay_ordinary_order(Parts& parts, PayRequest request, Call call) {
    const base::Uuid order = request.order_id;
    const Checkout::Payment outcome = co_await parts.checkout.pay(std::move(request), call);
    switch (outcome) {
        case Checkout::Payment::paid:
            co_return co_await show(parts, 200, order, OrderState::paid, call.deadline);
        case Checkout::Payment::undecided:
            co_return co_await show(parts, 202, order, std::nullopt, call.deadline);
        default:
            co_return payment_refusal(outcome);
    }
}

net::awaitable<http::Response> cancel_ordinary_order(
    Parts& parts, base::Uuid order, base::Uuid customer, std::optional<RequestKey> key, Call call
) {
    const OrdinaryCancel outcome = co_await parts.checkout.cancel(order, customer, key, call);
    switch (outcome) {
        case OrdinaryCancel::cancelled:
        case OrdinaryCancel::already_cancelled:
            co_return co_await show(parts, 200, order, OrderState::cancelled, call.deadline);
        case OrdinaryCancel::refunded:
        case OrdinaryCancel::already_refunded:
            co_return co_await show(parts, 200, order, OrderState::refunded, call.deadline);
        default:
            co_return cancel_refusal(outcome, key ? Keyed::yes : Keyed::no);
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
