#include "gateway/api/sender.hpp"

#include <utility>

namespace gateway {

namespace {

/// Every field, in order: a proxy may add one of its own below one that a caller made up.
std::string hops_told(const http::Headers& headers) {
    std::string hops;
    for (const auto& [name, value] : headers) {
        if (!http::equal_ignoring_case(name, "X-Forwarded-For")) continue;
        if (!hops.empty()) hops.append(", ");
        hops.append(value);
    }
    return hops;
}

}  // namespace

Sender sender_of(const http::Request& request, const service::TrustedProxies& proxies) {
    const std::string& peer = request.remote_address;
    if (!proxies.contains(peer)) {
        const bool tells = request.headers.get("X-Forwarded-For").has_value();
        return {peer, peer, tells ? Attribution::proxy_unknown : Attribution::client};
    }
    std::string hops = hops_told(request.headers);
    auto client = service::find_client(hops, proxies);
    if (client.address.empty()) {
        std::string forwarded_for = hops.empty() ? peer : hops + ", " + peer;
        return {peer, std::move(forwarded_for), Attribution::proxy_alone};
    }
    hops.append(", ").append(peer);
    return {
        std::move(client.address),
        std::move(hops),
        client.is_proxy ? Attribution::proxies_only : Attribution::client
    };
}

}  // namespace gateway
