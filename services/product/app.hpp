#pragma once

#include "product/api/parts.hpp"
#include "product/config.hpp"
#include "service/run.hpp"

namespace product {

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
    net::awaitable<void> expire_reservations();

    service::Context& context_;
    Config config_;
    postgres::Pool pool_;
    PostgresCatalogue catalogue_;
    PostgresStock stock_;
    service::Access access_;
    base::UuidGenerator ids_;
    api::Cursors cursors_;
    api::PageCache pages_;
    api::PageCache categories_;
    api::Parts parts_;
    http::Router router_;
    int schema_version_ = 0;
    bool stopping_ = false;
};

}  // namespace product
