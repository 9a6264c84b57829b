#include "auth/app.hpp"

int main(int argc, char** argv) {
    const auto make = [](base::Environment& environment,
                         service::Context* context) -> std::unique_ptr<service::App> {
        auth::Config config = auth::Config::read(environment);
        if (!context) return nullptr;
        return std::make_unique<auth::App>(*context, std::move(config));
    };
    return service::run(argc, argv, "auth", make);
}
