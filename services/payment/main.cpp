#include "payment/app.hpp"

int main(int argc, char** argv) {
    const auto make = [](base::Environment& environment,
                         service::Context* context) -> std::unique_ptr<service::App> {
        payment::Config config = payment::Config::read(environment);
        if (!context) return nullptr;
        return std::make_unique<payment::App>(*context, std::move(config));
    };
    return service::run(
        argc,
        argv,
        "payment",
        make,
        "The sandbox payment provider: charges, voids and refunds in a ledger of its own, moves no "
        "money, and tells order by signed webhooks what became of a charge."
    );
}
