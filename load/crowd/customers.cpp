#include "crowd/customers.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "base/uuid.hpp"
#include "crowd/json_scan.hpp"

namespace crowd {
namespace {

constexpr std::size_t customers_max = 2000000;
constexpr std::size_t token_bytes_max = 2048;
constexpr std::string_view how_to_make =
    "make one with: doorbuster customers seed --count 1000 --out customers.jsonl";

/// A token goes into a header as it is: nothing that could end the line.
bool is_token(std::string_view text) {
    return !text.empty() && text.size() <= token_bytes_max &&
           std::all_of(text.begin(), text.end(), [](char letter) {
               return letter > ' ' && letter < 0x7f;
           });
}

}  // namespace

std::expected<std::vector<Customer>, std::string> read_customers(std::istream& lines) {
    std::vector<Customer> customers;
    std::string line;
    for (std::size_t number = 1; std::getline(lines, line); ++number) {
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        Customer customer;
        const bool readable = scan_object(line, [&](const Member& member) {
            const auto text = member.text();
            if (!text) return;
            if (member.name == "account_id") customer.account_id = *text;
            if (member.name == "token") customer.token = *text;
        });
        if (!readable) {
            return std::unexpected(fmt::format(
                "line {}: not a JSON object of the form "
                "{{\"account_id\":\"...\",\"token\":\"...\"}}"
                "; {}",
                number,
                how_to_make
            ));
        }
        if (!base::Uuid::parse(customer.account_id)) {
            return std::unexpected(
                fmt::format("line {}: account_id is missing or not a UUID; {}", number, how_to_make)
            );
        }
        if (!is_token(customer.token)) {
            return std::unexpected(
                fmt::format("line {}: token is missing or malformed; {}", number, how_to_make)
            );
        }
        if (customers.size() == customers_max) {
            return std::unexpected(fmt::format("more than {} customers", customers_max));
        }
        customers.push_back(std::move(customer));
    }
    if (customers.empty()) {
        return std::unexpected(fmt::format("no customers in it; {}", how_to_make));
    }
    return customers;
}

std::expected<std::vector<Customer>, std::string> read_customers_file(const std::string& path) {
    std::ifstream file(path);
    if (!file) {
        return std::unexpected(fmt::format(
            "can't read the customers file {}: {}; {}", path, std::strerror(errno), how_to_make
        ));
    }
    auto customers = read_customers(file);
    if (!customers) {
        return std::unexpected(fmt::format("customers file {}: {}", path, customers.error()));
    }
    return customers;
}

}  // namespace crowd
