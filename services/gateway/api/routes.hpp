#pragma once

#include "gateway/api/forward.hpp"
#include "http/router.hpp"

namespace gateway {

struct Rooms {
    Upstream& echo;
    Upstream& auth;
    Upstream& product;
    Upstream& order;
};

/// The table of all that can be reached from outside. What is not in it is 404, and no room is
/// asked. `door` and the rooms must outlive the router.
void add_routes(http::Router& router, Door& door, const Rooms& rooms);

}  // namespace gateway
