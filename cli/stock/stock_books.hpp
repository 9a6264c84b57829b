#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/uuid.hpp"
#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace cli {

// Product's stock as its tables have it. Reading needs a login that may read the schema `product`
// (the role auditor), correcting its owner. Throws postgres::Error.

struct StockLine {
    base::Uuid id;
    std::string name;
    bool archived = false;
    std::int64_t stock = 0;
    std::int64_t reserved = 0;
    std::int64_t open_reservations = 0;
};
/// One product, or those with the fewest free units first, archived ones aside.
net::awaitable<std::vector<StockLine>> read_stock(
    postgres::Pool& pool, std::optional<base::Uuid> product, std::int64_t limit
);

struct OpenReservation {
    base::Uuid id;
    std::string purpose;
    std::int64_t quantity = 0;
    std::int64_t created_at_ms = 0;
    std::optional<std::int64_t> expires_at_ms;
};
/// The oldest first.
net::awaitable<std::vector<OpenReservation>> read_open_reservations(
    postgres::Pool& pool, base::Uuid product, std::int64_t limit
);

struct Movement {
    std::int64_t at_ms = 0;
    std::string kind;
    std::int64_t stock_change = 0;
    std::int64_t reserved_change = 0;
    std::int64_t stock_after = 0;
    std::int64_t reserved_after = 0;
    std::string actor;
    std::string reason;               ///< may be empty
    std::optional<base::Uuid> cause;  ///< the reservation or return
};
/// The newest first.
net::awaitable<std::vector<Movement>> read_history(
    postgres::Pool& pool, base::Uuid product, std::int64_t limit
);

struct StockDifference {
    base::Uuid product_id;
    std::string name;
    std::int64_t stock = 0;
    std::int64_t reserved = 0;
    std::int64_t ledger_stock = 0;
    std::int64_t ledger_reserved = 0;
    std::int64_t open_reserved = 0;
    std::optional<std::int64_t> proposed_stock;  ///< none: nobody can tell
    std::string finding;
};
/// Products whose row, ledger and open reservations don't agree, all at one moment
/// (product.stock_differences_v1 says how it is judged which is right).
net::awaitable<std::vector<StockDifference>> read_differences(
    postgres::Pool& pool, std::optional<base::Uuid> product
);

struct StockCorrection {
    std::string outcome;  ///< corrected, in_balance, undecided, below_reserved
    std::int64_t stock_before = 0;
    std::int64_t reserved_before = 0;
    std::int64_t stock_after = 0;
    std::int64_t reserved_after = 0;
};
/// `trust`: "ledger", "row", or empty for what is proposed. Looks again under the product's lock,
/// and leaves a row of kind correction in the ledger.
net::awaitable<StockCorrection> correct_stock(
    postgres::Pool& pool, base::Uuid product, std::string trust, std::string reason
);

}  // namespace cli
