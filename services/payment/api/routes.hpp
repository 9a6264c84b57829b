#pragma once

#include "http/router.hpp"
#include "payment/api/parts.hpp"

namespace payment::api {

/// The room's routes, as in contracts/payment.openapi.yaml. `parts` must outlive the router.
http::Router make_router(Parts& parts);

}  // namespace payment::api
