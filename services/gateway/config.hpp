#pragma once

#include "base/environment.hpp"
#include "gateway/clients/upstream.hpp"
#include "service/access.hpp"
#include "service/client_address.hpp"

namespace gateway {

/// This room's own variables; those of every room are read by its frame.
struct Config {
    service::AccessSettings access;
    UpstreamSettings echo;
    UpstreamSettings auth;
    UpstreamSettings product;
    UpstreamSettings order;
    service::TrustedProxies trusted_proxies;

    static Config read(base::Environment& environment);
};

}  // namespace gateway
