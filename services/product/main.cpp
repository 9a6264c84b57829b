#include "product/app.hpp"

int main(int argc, char** argv) {
    const auto make = [](base::Environment& environment,
                         service::Context* context) -> std::unique_ptr<service::App> {
        product::Config config = product::Config::read(environment);
        if (!context) return nullptr;
        return std::make_unique<product::App>(*context, std::move(config));
    };
    return service::run(argc, argv, "product", make);
}
