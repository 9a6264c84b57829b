#pragma once

#include "http/message.hpp"
#include "net/net.hpp"
#include "payment/api/parts.hpp"

namespace payment::api {

// For the shop, by its service credential.
net::awaitable<http::Response> make_charge(Parts& parts, http::Request& request);
net::awaitable<http::Response> get_charge(Parts& parts, http::Request& request);
net::awaitable<http::Response> void_charge(Parts& parts, http::Request& request);
net::awaitable<http::Response> refund_charge(Parts& parts, http::Request& request);

}  // namespace payment::api
