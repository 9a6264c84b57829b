#pragma once

#include "http/message.hpp"
#include "net/net.hpp"
#include "product/api/parts.hpp"

namespace product::api {

// For other rooms, by their service credential.
net::awaitable<http::Response> reserve(Parts& parts, http::Request& request);
net::awaitable<http::Response> get_reservation(Parts& parts, http::Request& request);
net::awaitable<http::Response> settle(Parts& parts, http::Request& request);
net::awaitable<http::Response> take_back(Parts& parts, http::Request& request);

}  // namespace product::api
