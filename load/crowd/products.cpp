#include "crowd/products.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "base/uuid.hpp"

namespace crowd {
namespace {

constexpr std::size_t products_max = 1000000;

}  // namespace

std::expected<std::vector<std::string>, std::string> read_products(std::istream& lines) {
    std::vector<std::string> products;
    std::string line;
    for (std::size_t number = 1; std::getline(lines, line); ++number) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (line.empty()) continue;
        if (!base::Uuid::parse(line)) {
            return std::unexpected(fmt::format("line {}: not a product's id (a UUID)", number));
        }
        if (products.size() == products_max) {
            return std::unexpected(fmt::format("more than {} products", products_max));
        }
        products.push_back(line);
    }
    if (products.empty()) return std::unexpected("no products in it; write one id a line");
    return products;
}

std::expected<std::vector<std::string>, std::string> read_products_file(const std::string& path) {
    std::ifstream file(path);
    if (!file) {
        return std::unexpected(
            fmt::format("can't read the products file {}: {}", path, std::strerror(errno))
        );
    }
    auto products = read_products(file);
    if (!products) {
        return std::unexpected(fmt::format("products file {}: {}", path, products.error()));
    }
    return products;
}

std::string order_body(
    const std::vector<std::string>& products,
    std::size_t first,
    std::size_t lines,
    std::int64_t quantity
) {
    std::string body = R"({"lines":[)";
    for (std::size_t line = 0; line < lines; ++line) {
        fmt::format_to(
            std::back_inserter(body),
            R"({}{{"product_id":"{}","quantity":{}}})",
            line == 0 ? "" : ",",
            products[(first + line) % products.size()],
            quantity
        );
    }
    return body + "]}";
}

}  // namespace crowd
