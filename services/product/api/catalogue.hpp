#pragma once

#include "http/message.hpp"
#include "net/net.hpp"
#include "product/api/parts.hpp"

namespace product::api {

// For everybody.
net::awaitable<http::Response> get_product(Parts& parts, http::Request& request);

// For admins.
net::awaitable<http::Response> create_product(Parts& parts, http::Request& request);
net::awaitable<http::Response> change_product(Parts& parts, http::Request& request);
net::awaitable<http::Response> restock_product(Parts& parts, http::Request& request);

}  // namespace product::api
