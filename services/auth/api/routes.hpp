#pragma once

#include "auth/api/parts.hpp"
#include "http/router.hpp"

namespace auth::api {

http::Router make_router(Parts& parts);

}  // namespace auth::api
