#pragma once

#include "base/environment.hpp"
#include "gateway/clients/upstream.hpp"
#include "gateway/domain/busy_paths.hpp"
#include "gateway/domain/cross_origin.hpp"
#include "gateway/store/rate_limiter.hpp"
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
    RateLimiterSettings limits;
    BusyLimits busy;
    CrossOrigin cors_allowed;
    bool cors_credentials = false;
    std::int64_t cors_max_age_s = 600;
    std::int64_t read_deadline_ms = 5000;
    std::int64_t write_deadline_ms = 10000;

    static Config read(base::Environment& environment);
};

}  // namespace gateway
