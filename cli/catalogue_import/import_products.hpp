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
    bool dry_run = false;  ///< does everything, and takes it back
};

struct ImportOutcome {
    std::int64_t created = 0;
    std::int64_t changed = 0;
    std::int64_t unchanged = 0;           ///< there already, as the row says
    std::vector<ImportProblem> problems;  ///< if there are some, nothing was done
};

using ImportProgress =
    std::function<void(std::string_view what, std::size_t done, std::size_t total)>;

/// Writes the rows into product's schema as the database's owner, all or nothing in one
/// transaction, one import at a time. Customers see all of it at once; products that are changed
/// can't be set aside from the moment their rows are written until the commit, so those come last,
/// in id order. Throws Failure when another import is under way, postgres::Error when the database
/// doesn't answer.
net::awaitable<ImportOutcome> import_products(
    postgres::Pool& pool,
    const std::vector<ImportRow>& rows,
    ImportOptions options,
    ImportProgress progress
);

}  // namespace cli
