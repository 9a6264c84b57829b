#include "gateway/app.hpp"

namespace gateway {

namespace {

/// A new pod should not replace an old one before it can check tokens and knows order's pods; but
/// without auth the catalogue must still open.
constexpr std::chrono::milliseconds patience(10000);

}  // namespace

App::App(service::Context& context, const Config& config)
    : access_(context, config.access),
      echo_(context.executor, context.metrics, config.echo),
      auth_(context.executor, context.metrics, config.auth),
      product_(context.executor, context.metrics, config.product),
      order_(context.executor, context.metrics, config.order),
      proxies_(config.trusted_proxies),
      limiter_(context.executor, context.metrics, config.limits),
      limits_(limiter_, context.metrics),
      cors_({config.cors_allowed, config.cors_credentials, config.cors_max_age_s}),
      door_(access_, limits_, proxies_, context.metrics, config.busy) {
    add_routes(
        router_,
        door_,
        cors_,
        Rooms{echo_, auth_, product_, order_},
        {std::chrono::milliseconds(config.read_deadline_ms),
         std::chrono::milliseconds(config.write_deadline_ms)}
    );
}

std::unique_ptr<service::App> App::make(base::Environment& environment, service::Context* context) {
    const Config config = Config::read(environment);
    if (!context) return nullptr;
    return std::make_unique<App>(*context, config);
}

void App::start() {
    ready_anyway_at_ = net::deadline_in(patience);
    access_.start();
    limiter_.start();
    for (Upstream* room : {&echo_, &auth_, &product_, &order_}) room->start();
}

std::string App::not_ready_because() const {
    if (net::SteadyClock::now() >= ready_anyway_at_) return {};
    if (!access_.has_keys()) return "auth's keys are not known yet";
    if (order_.pods() == 0) return "order's pods are not known yet";
    return {};
}

}  // namespace gateway
