#pragma once

#include "payment/api/parts.hpp"
#include "payment/clients/courier.hpp"
#include "payment/config.hpp"
#include "service/run.hpp"

namespace payment {

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
    /// Waits for the schema, then delivers webhooks until the end.
    net::awaitable<void> work();

    service::Context& context_;
    Config config_;
    postgres::Pool pool_;
    ChargeLedger ledger_;
    WebhookOutbox outbox_;
    ChargeBatches batches_;
    WebhookClient webhooks_;
    Courier courier_;
    base::UuidGenerator ids_;
    api::Parts parts_;
    http::Router router_;
    int schema_version_ = 0;
    bool stopping_ = false;
};

}  // namespace payment
