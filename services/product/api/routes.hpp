#pragma once

#include "http/router.hpp"
#include "product/api/parts.hpp"

namespace product::api {

/// The room's routes, as in contracts/product.openapi.yaml. `parts` must outlive the router.
http::Router make_router(Parts& parts);

}  // namespace product::api
