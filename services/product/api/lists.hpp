#pragma once

#include "http/message.hpp"
#include "net/net.hpp"
#include "product/api/parts.hpp"

namespace product::api {

// For everybody. Admins see the lists as they are now; everybody else may be shown what was right a
// moment ago (PageCache).
net::awaitable<http::Response> list_products(Parts& parts, http::Request& request);
net::awaitable<http::Response> list_categories(Parts& parts, http::Request& request);

}  // namespace product::api
