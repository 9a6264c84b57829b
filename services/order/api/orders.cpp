#include "order/api/orders.hpp"

#include <fmt/format.h>

#include "json/decode.hpp"
#include "json/encode.hpp"
#include "order/api/error_response.hpp"
#include "order/api/idempotency_key.hpp"
#include "order/api/order_json.hpp"
#include "order/api/ordinary_orders.hpp"
#include "order/engine/once_committed.hpp"

namespace order::api {
namespace {

constexpr std::string_view states_known =
    "Must be placing, reserved, paying, paid, cancelled, expired, refunded or refused.";

http::Response order_response(int status, const SaleOrder& order) {
    return http::json_response(status, json::encode(to_body(order)));
}

/// The order with the state that it has just been given.
http::Response order_response(int status, SaleOrder order, OrderState state) {
    order.state = state;
    return order_response(status, order);
}

/// The units stay sold: they go to product's stock, not back to the sale.
net::awaitable<http::Response> refund_order(Parts& parts, SaleOrder order, net::Deadline deadline) {
    const RefundOutcome outcome =
        co_await parts.payments.refund(order.id, order.customer_id, deadline);
    switch (outcome) {
        case RefundOutcome::refunded:
            co_return order_response(200, order, OrderState::refunded);
        case RefundOutcome::not_paid:
            co_return busy();
        case RefundOutcome::not_found:
            break;
    }
    co_return order_unknown();
}

/// What the sale's row made of it; nullopt: no such sale.
net::awaitable<std::optional<ReturnAnswer>> give_back(
    Parts& parts, SaleOrder order, net::Deadline deadline
) {
    const auto engine = co_await parts.desk.engine(order.sale_id, deadline);
    if (!engine) co_return std::nullopt;
    const Return wish{order.id, order.customer_id};
    const ReturnAnswer answer = co_await engine->give_back(wish, deadline);
    co_return answer;
}

bool is_cancelled(ReturnOutcome outcome) {
    return outcome == ReturnOutcome::cancelled || outcome == ReturnOutcome::already_cancelled;
}

/// Without a key: what the order is when it is first looked at is what this can come to. A cancel
/// that found it unpaid and then stalled must not refund a payment that was made since; whoever
/// wants that asks again.
net::awaitable<http::Response> cancel_sale_order(
    Parts& parts, SaleOrder order, net::Deadline deadline
) {
    if (order.state == OrderState::paid || order.state == OrderState::refunded) {
        co_return co_await refund_order(parts, order, deadline);
    }
    const auto answer = co_await give_back(parts, order, deadline);
    if (!answer) co_return order_unknown();
    if (answer->kind == ReturnAnswer::Kind::busy) co_return busy();
    if (answer->kind == ReturnAnswer::Kind::unknown) co_return unknown_outcome();
    if (is_cancelled(answer->outcome)) co_return order_response(200, order, OrderState::cancelled);
    if (answer->outcome == ReturnOutcome::refunded) {
        co_return order_response(200, order, OrderState::refunded);
    }
    const bool is_paid = answer->outcome == ReturnOutcome::paid;
    co_return cancel_refusal(is_paid ? ReturnOutcome::paying : answer->outcome, Keyed::no);
}

http::Response cancel_response(const SaleOrder& order, SaleCancel outcome) {
    switch (outcome) {
        case SaleCancel::cancelled:
            return order_response(200, order, OrderState::cancelled);
        case SaleCancel::refunded:
            return order_response(200, order, OrderState::refunded);
        case SaleCancel::paying:
            return cancel_refusal(ReturnOutcome::paying, Keyed::yes);
        case SaleCancel::expired:
            return cancel_refusal(ReturnOutcome::already_expired, Keyed::yes);
        case SaleCancel::too_many_keys:
            return too_many_keys();
        case SaleCancel::key_reused:
            return key_reused();
        case SaleCancel::give_back:
        case SaleCancel::busy:
            return busy();
        case SaleCancel::not_found:
            break;
    }
    return order_unknown();
}

/// With a key: its first definite answer, a refusal too, is the key's for good.
net::awaitable<http::Response> cancel_sale_order_once(
    Parts& parts, SaleOrder order, RequestKey key, net::Deadline deadline
) {
    const SaleCancel begun =
        co_await parts.payments.cancel(order.id, order.customer_id, key, deadline);
    if (begun != SaleCancel::give_back) co_return cancel_response(order, begun);
    const auto answer = co_await once_committed(give_back(parts, order, deadline));
    if (!answer) co_return order_unknown();
    if (answer->kind == ReturnAnswer::Kind::busy) {
        // Nothing came of it: who asks again is told of what the order is then.
        co_await once_committed(parts.payments.unbind_cancel(order.customer_id, key, deadline));
        co_return busy();
    }
    if (answer->kind == ReturnAnswer::Kind::unknown) co_return unknown_outcome();
    if (is_cancelled(answer->outcome)) co_return order_response(200, order, OrderState::cancelled);
    const SaleCancel ended = co_await once_committed(
        parts.payments.look_again(order.id, order.customer_id, key, deadline)
    );
    co_return cancel_response(order, ended);
}

/// Both lists, each newest first, as one of at most `limit`. Ids are ordered by time.
OrderListBody merge(
    const std::vector<SaleOrder>& of_sales, const std::vector<OrdinaryOrder>& ordinary, int limit
) {
    OrderListBody body;
    auto of_sale = of_sales.begin();
    auto other = ordinary.begin();
    while (body.orders.size() < static_cast<std::size_t>(limit)) {
        const bool has_sale = of_sale != of_sales.end();
        if (!has_sale && other == ordinary.end()) return body;
        const bool takes_sale = has_sale && (other == ordinary.end() || of_sale->id > other->id);
        body.orders.push_back(takes_sale ? to_body(*of_sale++) : to_body(*other++));
    }
    body.next_cursor = body.orders.back().order_id.to_string();
    return body;
}

}  // namespace

net::awaitable<http::Response> list_orders(Parts& parts, http::Request& request) {
    const auto claims = parts.access.caller(request);
    if (!claims) co_return http::to_response(claims.error());
    const auto page = page_of(request);
    if (!page) co_return field_response(page.error());
    std::optional<OrderState> state;
    if (const auto text = request.query_parameter("state")) {
        state = parse_order_state(*text);
        if (!state) co_return field_response({"state", std::string(states_known)});
    }
    const auto of_sales = co_await parts.orders.list(
        claims->account_id, page->cursor, state, page->limit, request.deadline
    );
    const auto ordinary = co_await parts.ordinary_orders.list(
        claims->account_id, page->cursor, state, page->limit, request.deadline
    );
    const OrderListBody body = merge(of_sales, ordinary, page->limit);
    co_return http::json_response(200, json::encode(body));
}

net::awaitable<http::Response> get_order(Parts& parts, http::Request& request) {
    const auto claims = parts.access.caller(request);
    if (!claims) co_return http::to_response(claims.error());
    const auto id = id_of(request);
    if (!id) co_return order_unknown();
    const auto of_sale = co_await parts.lookup.find(*id);
    if (of_sale) {
        if (of_sale->customer_id != claims->account_id) co_return order_unknown();
        co_return order_response(200, *of_sale);
    }
    const auto ordinary = co_await parts.ordinary_orders.find(*id, request.deadline);
    if (!ordinary || ordinary->customer_id != claims->account_id) co_return order_unknown();
    co_return http::json_response(200, json::encode(to_body(*ordinary)));
}

net::awaitable<http::Response> pay_order(Parts& parts, http::Request& request) {
    const auto claims = parts.access.caller(request);
    if (!claims) co_return http::to_response(claims.error());
    const auto id = id_of(request);
    if (!id) co_return order_unknown();
    const auto body = json::decode<PayBody>(request.body);
    if (!body) co_return body_response(body.error());
    if (!parts.payments.accepts(body->payment_method)) {
        co_return field_response(
            {"payment_method", "Known are " + std::string(payment_methods()) + "."}
        );
    }
    const auto key =
        optional_key_of(request, fmt::format("pay {} {}", id->to_string(), body->payment_method));
    if (!key) co_return field_response(key.error());
    PayRequest wish{*id, claims->account_id, body->payment_method, *key};
    const Call call(request.deadline, request.trace);
    const Payments::Outcome outcome = co_await parts.payments.pay(wish, call);
    if (outcome == Payments::Outcome::not_found) {
        co_return co_await pay_ordinary_order(parts, std::move(wish), call);
    }
    const bool answers_with_order =
        outcome == Payments::Outcome::paid || outcome == Payments::Outcome::undecided;
    if (!answers_with_order) co_return payment_refusal(outcome);
    const auto order = co_await once_committed(parts.lookup.find(*id));
    if (!order) co_return order_unknown();
    // An answer that got lost may have been asked for while this request waited for it.
    const bool is_undecided =
        outcome == Payments::Outcome::undecided && order->state != OrderState::paid;
    if (is_undecided) co_return order_response(202, *order);
    if (const auto engine = parts.desk.running(order->sale_id)) engine->paid_an_order();
    co_return order_response(200, *order, OrderState::paid);
}

net::awaitable<http::Response> cancel_order(Parts& parts, http::Request& request) {
    const auto claims = parts.access.caller(request);
    if (!claims) co_return http::to_response(claims.error());
    const auto id = id_of(request);
    if (!id) co_return order_unknown();
    const auto key = optional_key_of(request, "cancel " + id->to_string());
    if (!key) co_return field_response(key.error());
    const auto order = co_await parts.lookup.find(*id);
    if (!order) {
        const Call call(request.deadline, request.trace);
        co_return co_await cancel_ordinary_order(parts, *id, claims->account_id, *key, call);
    }
    if (order->customer_id != claims->account_id) co_return order_unknown();
    if (!*key) co_return co_await cancel_sale_order(parts, *order, request.deadline);
    co_return co_await cancel_sale_order_once(parts, *order, **key, request.deadline);
}

}  // namespace order::api
