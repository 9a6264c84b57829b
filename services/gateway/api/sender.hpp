#pragma once

#include <cstdint>
#include <string>

#include "http/message.hpp"
#include "service/client_address.hpp"

namespace gateway {

/// What is known of the address that a request's sender is counted by.
enum class Attribution : std::uint8_t {
    client,        ///< it is the client's, as far as trusted proxies tell
    proxies_only,  ///< X-Forwarded-For names trusted proxies alone
    proxy_alone,   ///< a trusted proxy's own: it has no X-Forwarded-For to tell whom it stands for
    proxy_unknown  ///< the peer's, who has an X-Forwarded-For that is not believed
};

/// Who sends a request, as its connection and trusted proxies tell. Made once for each request:
/// limits, log and the next hop ask it.
struct Sender {
    std::string client;         ///< the right-most hop that is no trusted proxy, else the left-most
    std::string forwarded_for;  ///< every hop it came by, for the next one's X-Forwarded-For
    Attribution attribution = Attribution::client;

    /// Only proxies are told, as where a node's load balancer writes its own address over the
    /// client's: a limit for what seems to be one client would be one for all of them together.
    bool is_nobody() const {
        return attribution == Attribution::proxies_only || attribution == Attribution::proxy_alone;
    }
};

Sender sender_of(const http::Request& request, const service::TrustedProxies& proxies);

}  // namespace gateway
