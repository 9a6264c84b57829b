#pragma once

#include <memory>

#include "base/environment.hpp"
#include "echo/config.hpp"
#include "http/router.hpp"
#include "service/run.hpp"

namespace echo {

/// The room put together: the only place that knows every part.
class App : public service::App {
  public:
    explicit App(const Config& config);

    static std::unique_ptr<service::App> make(
        base::Environment& environment, service::Context* context
    );

    const http::Router& router() const override { return router_; }
    void start() override {}

  private:
    http::Router router_;
};

}  // namespace echo
