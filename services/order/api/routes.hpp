#pragma once

#include "http/router.hpp"
#include "order/api/parts.hpp"

namespace order::api {

/// The room's routes, as in contracts/order.openapi.yaml. `parts` must outlive the router.
http::Router make_router(Parts& parts);

}  // namespace order::api
