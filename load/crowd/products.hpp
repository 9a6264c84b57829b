#pragma once

#include <expected>
#include <istream>
#include <string>
#include <vector>

namespace crowd {

/// Reads product ids, one a line; empty lines are skipped. The error names the line.
std::expected<std::vector<std::string>, std::string> read_products(std::istream& lines);
std::expected<std::vector<std::string>, std::string> read_products_file(const std::string& path);

/// The body of an ordinary order: `lines` different products from the `first` on, in the
/// catalogue's order and around its end, so many units of each. There must be as many products as
/// lines.
std::string order_body(
    const std::vector<std::string>& products,
    std::size_t first,
    std::size_t lines,
    std::int64_t quantity
);

}  // namespace crowd
