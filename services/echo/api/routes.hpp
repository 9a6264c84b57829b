#pragma once

#include "http/router.hpp"

namespace echo {

void add_routes(http::Router& router, bool show_headers);

}  // namespace echo
