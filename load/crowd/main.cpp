#include <fstream>
#include <iostream>

#include <fmt/format.h>

#include "crowd/crowd.hpp"
#include "crowd/products.hpp"

namespace {

constexpr int ran = 0;
constexpr int failed = 1;
constexpr int usage_error = 2;

bool write_report(const std::string& path, const std::string& report) {
    if (path == "-") {
        std::cout << report << std::flush;
        return static_cast<bool>(std::cout);
    }
    std::ofstream file(path, std::ios::trunc);
    file << report << std::flush;
    return static_cast<bool>(file);
}

int run(const crowd::Options& options) {
    auto customers = crowd::read_customers_file(options.customers_file);
    if (!customers) {
        std::cerr << customers.error() << "\n";
        return usage_error;
    }
    std::vector<std::string> products;
    if (!options.products_file.empty()) {
        auto read = crowd::read_products_file(options.products_file);
        if (!read) {
            std::cerr << read.error() << "\n";
            return usage_error;
        }
        products = std::move(*read);
    }
    std::unique_ptr<crowd::ExchangeLog> log;
    if (!options.log_file.empty()) {
        log = std::make_unique<crowd::ExchangeLog>(options.log_file, options.sale);
    }
    crowd::Crowd buyers(options, std::move(*customers), log.get(), std::move(products));
    const crowd::RunRecord result = buyers.run();
    std::cerr << crowd::summary(result);
    if (!options.report_file.empty() &&
        !write_report(options.report_file, crowd::to_json(result, options))) {
        std::cerr << "can't write the report " << options.report_file << "\n";
        return failed;
    }
    const crowd::Tally& tally = result.tally;
    if (tally.arrivals > 0 && tally.exchanges == tally.unanswered) {
        std::cerr << fmt::format(
            "no answer at all from {}:{}; is the shop up?\n", options.host, options.port
        );
        return failed;
    }
    return ran;
}

}  // namespace

int main(int argc, char** argv) {
    const auto invocation = crowd::read_options(argc, argv, std::cout, std::cerr);
    if (!invocation.options) return invocation.exit_code;
    try {
        return run(*invocation.options);
    } catch (const std::exception& error) {
        std::cerr << "crowd: " << error.what() << "\n";
        return failed;
    }
}
