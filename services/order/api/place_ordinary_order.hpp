#pragma once

#include "http/router.hpp"
#include "order/api/parts.hpp"

namespace order::api {

/// POST /api/v1/orders
net::awaitable<http::Response> place_ordinary_order(Parts& parts, http::Request& request);

}  // namespace order::api
