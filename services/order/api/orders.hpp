#pragma once

#include "http/router.hpp"
#include "order/api/parts.hpp"

namespace order::api {

net::awaitable<http::Response> list_orders(Parts& parts, http::Request& request);
net::awaitable<http::Response> get_order(Parts& parts, http::Request& request);
net::awaitable<http::Response> pay_order(Parts& parts, http::Request& request);
net::awaitable<http::Response> cancel_order(Parts& parts, http::Request& request);

}  // namespace order::api
