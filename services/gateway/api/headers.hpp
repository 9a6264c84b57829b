#pragma once

#include "http/message.hpp"
#include "service/client_address.hpp"

namespace gateway {

/// Takes the request's headers for the next hop: without what holds for one hop only, without
/// anything that claims an identity (X-User-*, X-Real-Ip, ...), without names that some servers
/// take for others (underscores); with X-Request-Id and X-Forwarded-For.
http::Headers take_request_headers(http::Request& request, const service::TrustedProxies& proxies);

/// Every hop that a request came by, as X-Forwarded-For tells the next one: what a trusted proxy
/// says, and the peer itself.
std::string hops_of(const http::Request& request, const service::TrustedProxies& proxies);

/// Drops from a room's response what holds for one hop only.
void clean_response_headers(http::Headers& headers);

}  // namespace gateway
