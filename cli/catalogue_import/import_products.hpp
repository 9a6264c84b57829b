#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "cli/catalogue_import/product_file.hpp"
#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace cli {

struct ImportOptions {
    /// Products that an earlier import made under a row's key get what the row says now: name,
    /// description, category, price and image; never their stock. Without it such a row is refused.
    bool update = false;
    bool dry_run = false;  ///< compares, and writes nothing
    /// More products than that are not changed at once. While they are (`seconds_changing`), nobody
    /// can order them, and what waits for them longer than product waits for a lock (3 s) is
    /// refused.
    std::int64_t changes_max = 20000;
};

struct ImportOutcome {
    std::int64_t created = 0;
    std::int64_t changed = 0;
    std::int64_t unchanged = 0;  ///< there already, as the row says
    ImportProblems problems;     ///< if there are some, nothing was done
};

/// An estimate: some 10,000 products a second.
constexpr std::int64_t seconds_changing(std::int64_t products) {
    constexpr std::int64_t products_a_second = 10000;
    return (products + products_a_second - 1) / products_a_second;
}

using ImportProgress =
    std::function<void(std::string_view what, std::size_t done, std::size_t total)>;

/// Writes the rows into product's schema as the database's owner, all or nothing, one import at a
/// time. They are put into a temporary table and compared there; then one transaction makes what is
/// new, which nobody waits for, and last of all changes what is to be changed, in one statement:
/// those products can't be set aside for as long as it takes. A product that somebody changed since
/// it was compared is a problem of its line. Customers see all of it at once. Throws Failure when
/// another import is under way or too many products would be changed, dry run or not,
/// postgres::Error when the database doesn't answer.
net::awaitable<ImportOutcome> import_products(
    postgres::Pool& pool,
    const std::vector<ImportRow>& rows,
    ImportOptions options,
    ImportProgress progress
);

}  // namespace cli
