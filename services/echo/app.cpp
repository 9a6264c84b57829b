#include "echo/app.hpp"

#include "echo/api/routes.hpp"

namespace echo {

App::App(const Config& config) {
    add_routes(router_, config.show_headers);
}

std::unique_ptr<service::App> App::make(base::Environment& environment, service::Context* context) {
    const Config config = Config::read(environment);
    if (!context) return nullptr;
    return std::make_unique<App>(config);
}

}  // namespace echo
