#pragma once

#include "base/environment.hpp"
#include "gateway/clients/trusted_proxies.hpp"
#include "gateway/clients/upstream.hpp"
#include "service/access.hpp"

namespace gateway {

/// This room's own variables; those of every room are read by its frame.
struct Config {
    service::AccessSettings access;
    UpstreamSettings echo;
    UpstreamSettings auth;
    UpstreamSettings product;
    UpstreamSettings order;
    TrustedProxies trusted_proxies;

    static Config read(base::Environment& environment);
};

}  // namespace gateway
