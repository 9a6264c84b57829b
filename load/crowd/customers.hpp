#pragma once

#include <expected>
#include <istream>
#include <string>
#include <vector>

namespace crowd {

struct Customer {
    std::string account_id;
    std::string token;
};

/// Reads JSON lines {"account_id": "...", "token": "..."}; empty lines are skipped. The error names
/// the line and says how to make a good file.
std::expected<std::vector<Customer>, std::string> read_customers(std::istream& lines);
std::expected<std::vector<Customer>, std::string> read_customers_file(const std::string& path);

}  // namespace crowd
