#pragma once

#include <memory>

#include "gateway/api/cors.hpp"
#include "gateway/api/forward.hpp"
#include "gateway/api/limits.hpp"
#include "gateway/api/routes.hpp"
#include "gateway/config.hpp"
#include "gateway/store/rate_limiter.hpp"
#include "service/run.hpp"

namespace gateway {

/// The room put together: the only place that knows every part.
class App : public service::App {
  public:
    App(service::Context& context, const Config& config);

    static std::unique_ptr<service::App> make(
        base::Environment& environment, service::Context* context
    );

    const http::Router& router() const override { return router_; }
    void start() override;
    std::string not_ready_because() const override;

  private:
    service::Access access_;
    Upstream echo_;
    Upstream auth_;
    Upstream product_;
    Upstream order_;
    service::TrustedProxies proxies_;
    RateLimiter limiter_;
    Limits limits_;
    Cors cors_;
    Door door_;
    http::Router router_;
    net::Deadline ready_anyway_at_ = net::Deadline::max();
};

}  // namespace gateway
