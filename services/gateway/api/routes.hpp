#pragma once

#include <chrono>

#include "gateway/api/cors.hpp"
#include "gateway/api/forward.hpp"
#include "http/router.hpp"

namespace gateway {

struct Rooms {
    Upstream& echo;
    Upstream& auth;
    Upstream& product;
    Upstream& order;
};

/// How long callers wait at most, whatever they say themselves.
struct RouteDeadlines {
    std::chrono::milliseconds read{5000};
    std::chrono::milliseconds write{10000};  ///< also what reads for long: an audit
};

/// The table of all that can be reached from outside. What is not in it is 404, and no room is
/// asked. `door`, `cors` and the rooms must outlive the router.
void add_routes(
    http::Router& router,
    Door& door,
    const Cors& cors,
    const Rooms& rooms,
    const RouteDeadlines& deadlines
);

}  // namespace gateway
