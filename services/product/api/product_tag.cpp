#include "product/api/product_tag.hpp"

#include <charconv>

#include <fmt/format.h>

namespace product::api {
namespace {

constexpr std::int64_t no_version = -1;
constexpr std::size_t tags_max = 16;

std::string_view without_blanks(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

/// `tag`: without its quotes, "7.500.12".
std::int64_t version_of(std::string_view tag) {
    std::int64_t version = 0;
    const char* end = tag.data() + tag.size();
    const auto read = std::from_chars(tag.data(), end, version);
    const bool good = read.ec == std::errc() && version > 0 && read.ptr != end && *read.ptr == '.';
    return good ? version : no_version;
}

std::unexpected<FieldProblem> refuse() {
    return std::unexpected(
        FieldProblem{"header If-Match", "Must be * or the ETag of the product as it was read."}
    );
}

}  // namespace

std::string product_tag(const Product& product) {
    return fmt::format("\"{}.{}.{}\"", product.version, product.stock, product.reserved);
}

std::expected<std::vector<std::int64_t>, FieldProblem> versions_of(std::string_view if_match) {
    std::string_view rest = without_blanks(if_match);
    std::vector<std::int64_t> versions;
    if (rest == "*") return versions;
    while (true) {
        const bool weak = rest.starts_with("W/");
        if (weak) rest.remove_prefix(2);
        if (!rest.starts_with('"') || versions.size() == tags_max) return refuse();
        const auto close = rest.find('"', 1);
        if (close == std::string_view::npos) return refuse();
        versions.push_back(weak ? no_version : version_of(rest.substr(1, close - 1)));
        rest = without_blanks(rest.substr(close + 1));
        if (rest.empty()) return versions;
        if (rest.front() != ',') return refuse();
        rest = without_blanks(rest.substr(1));
    }
}

}  // namespace product::api
