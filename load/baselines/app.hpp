#pragma once

#include <memory>
#include <unordered_map>

#include "base/uuid.hpp"
#include "baselines/config.hpp"
#include "baselines/seller.hpp"
#include "http/router.hpp"
#include "service/run.hpp"

namespace baselines {

/// Order's place behind the gateway, for one route: POST /api/v1/flash-sales/{id}/orders.
class App final : public service::App {
  public:
    App(service::Context& context, Config config);

    const http::Router& router() const override { return router_; }
    void start() override;

  private:
    net::awaitable<http::Response> place_order(http::Request& request);
    net::awaitable<const Terms*> terms_of(const base::Uuid& sale, net::Deadline deadline);

    Config config_;
    postgres::Pool pool_;
    redis::Client redis_;
    service::Access access_;
    std::unique_ptr<Seller> seller_;
    std::unordered_map<base::Uuid, Terms> terms_;  ///< as many as sales are named here: a few
    base::UuidGenerator ids_;
    http::Router router_;
};

}  // namespace baselines
