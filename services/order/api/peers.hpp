#pragma once

#include "http/router.hpp"
#include "order/api/parts.hpp"

namespace order::api {

/// POST /internal/v1/flash-sales/{id}/batches: a batch of a pod that doesn't hold the lease.
net::awaitable<http::Response> serve_peer_batch(Parts& parts, http::Request& request);

}  // namespace order::api
