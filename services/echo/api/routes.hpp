#pragma once

#include "echo/config.hpp"
#include "http/router.hpp"

namespace echo {

void add_routes(http::Router& router, const Config& config);

}  // namespace echo
