#include "baselines/app.hpp"

int main(int argc, char** argv) {
    const auto make = [](base::Environment& environment,
                         service::Context* context) -> std::unique_ptr<service::App> {
        baselines::Config config = baselines::Config::read(environment);
        if (!context) return nullptr;
        return std::make_unique<baselines::App>(*context, std::move(config));
    };
    return service::run(
        argc,
        argv,
        "baseline",
        make,
        "A flash sale in one of the two usual ways, in order's place, for `make bench`."
    );
}
