#pragma once

#include <memory>

#include "order/api/parts.hpp"
#include "order/api/routes.hpp"
#include "order/clients/payment_client.hpp"
#include "order/config.hpp"
#include "service/run.hpp"

namespace order {

/// The room put together: the only place that knows every concrete type.
class App final : public service::App {
  public:
    App(service::Context& context, Config config);
    ~App() override;

    const http::Router& router() const override { return router_; }
    void start() override;
    std::string not_ready_because() const override;
    net::awaitable<void> stop() override;

  private:
    net::awaitable<void> watch_schema();

    service::Context& context_;
    Config config_;
    postgres::Pool pool_;
    postgres::Pool hot_pool_;
    redis::Client redis_;
    SaleStore sales_;
    SaleTallies tallies_;
    OrderStore orders_;
    OrdinaryOrderStore ordinary_orders_;
    OrderHistoryStore history_;
    PaymentStore payment_store_;
    WorkStore work_;
    SaleLease lease_;
    PeerClient peers_;
    ProductClient product_;
    PaymentClient provider_;
    DatabaseClock clock_;
    EngineMetrics metrics_;
    SalesDesk desk_;
    OrderLookup lookup_;
    Checkout checkout_;
    Payments payments_;
    Steward steward_;
    service::Access access_;
    base::UuidGenerator ids_;
    api::Parts parts_;
    http::Router router_;
    int schema_version_ = 0;
};

}  // namespace order
