#pragma once

#include "http/router.hpp"
#include "order/api/parts.hpp"

namespace order::api {

/// What orders.cpp does for orders of flash sales, for those that are none; `order_unknown` for ids
/// that are neither.
net::awaitable<http::Response> pay_ordinary_order(Parts& parts, PayRequest request, Call call);
net::awaitable<http::Response> cancel_ordinary_order(
    Parts& parts, base::Uuid order, base::Uuid customer, std::optional<RequestKey> key, Call call
);

/// GET /api/v1/orders/{id}/events, for orders of both kinds.
net::awaitable<http::Response> list_order_events(Parts& parts, http::Request& request);

}  // namespace order::api
