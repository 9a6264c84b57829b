#pragma once

#include "gateway/api/sender.hpp"
#include "http/message.hpp"

namespace gateway {

/// Takes the request's headers for the next hop: without what holds for one hop only, without
/// anything that claims an identity (X-User-*, X-Real-Ip, ...), without names that some servers
/// take for others (underscores); with X-Request-Id and X-Forwarded-For. Leaves Origin in `request`
/// as well, for the answer (Cors).
http::Headers take_request_headers(http::Request& request, const Sender& sender);

/// Drops from a room's response what holds for one hop only, and what only the door says: which
/// sites' pages may read it.
void clean_response_headers(http::Headers& headers);

}  // namespace gateway
