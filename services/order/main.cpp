#include "order/app.hpp"

int main(int argc, char** argv) {
    const auto make = [](base::Environment& environment,
                         service::Context* context) -> std::unique_ptr<service::App> {
        order::Config config = order::Config::read(environment);
        if (!context) return nullptr;
        return std::make_unique<order::App>(*context, std::move(config));
    };
    return service::run(argc, argv, "order", make);
}
