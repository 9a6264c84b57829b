#pragma once

#include "http/message.hpp"
#include "net/net.hpp"
#include "order/api/parts.hpp"

namespace order::api {

/// A webhook of the payment provider. Nothing of it is believed, or even parsed, before its
/// signature was checked; taken twice it changes nothing the second time.
net::awaitable<http::Response> take_payment_event(Parts& parts, http::Request& request);

}  // namespace order::api
