#pragma once

#include "http/router.hpp"
#include "order/api/parts.hpp"

namespace order::api {

net::awaitable<http::Response> list_sales(Parts& parts, http::Request& request);
net::awaitable<http::Response> get_sale(Parts& parts, http::Request& request);
net::awaitable<http::Response> create_sale(Parts& parts, http::Request& request);
net::awaitable<http::Response> control_sale(
    Parts& parts, SaleAction action, http::Request& request
);
net::awaitable<http::Response> audit_sale(Parts& parts, http::Request& request);

}  // namespace order::api
