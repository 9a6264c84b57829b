#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/net.hpp"
#include "postgres/pool.hpp"
#include "product/domain/stock.hpp"

namespace product {

/// A movement that was refused; nothing changed.
struct StockRefusal {
    enum class Reason {
        product_unknown,
        product_archived,
        not_enough_stock,
        reservation_differs,
        reservation_closed,  ///< settled, expired or a tombstone
        reservation_unknown,
        reservation_expired,
        settled_differently,
        lines_mismatch,  ///< a settle names other products, or more than was set aside
        return_differs,
        below_reserved,
        key_reused
    };
    Reason reason;
    std::optional<base::Uuid> product_id = {};
    std::optional<std::int64_t> available = {};
    std::optional<Reservation> reservation = {};  ///< as it is, where there is one
};

/// `fresh`: this call made it; otherwise an earlier one did, and this is its result.
template <class T>
struct Made {
    bool fresh = false;
    T value;
};

template <class T>
using StockOutcome = std::expected<Made<T>, StockRefusal>;

struct StockLevel {
    std::int64_t stock = 0;
    std::int64_t reserved = 0;
};

/// The stock of all products and what is set aside of it. Each movement is one statement and one
/// transaction (migrations/0002_stock_functions.sql, 0003, 0005); all may be
/// repeated freely. Throws postgres::Error when the database doesn't answer.
class PostgresStock {
  public:
    explicit PostgresStock(postgres::Pool& pool) : pool_(pool) {}

    net::awaitable<StockOutcome<Reservation>> reserve(
        ReservationRequest request, std::string actor, net::Deadline deadline
    );
    net::awaitable<std::optional<Reservation>> find(base::Uuid id, net::Deadline deadline);
    /// `sold`: merged lines whose quantity is what was sold.
    net::awaitable<StockOutcome<Reservation>> settle(
        base::Uuid id, std::vector<Line> sold, std::string actor, net::Deadline deadline
    );
    /// The time the return was made, in Unix milliseconds.
    net::awaitable<StockOutcome<std::int64_t>> take_back(
        base::Uuid id,
        base::Uuid order_id,
        std::vector<Line> lines,
        std::string actor,
        net::Deadline deadline
    );
    net::awaitable<StockOutcome<StockLevel>> restock(
        base::Uuid product_id,
        std::int64_t quantity,
        std::optional<std::string> reason,
        std::string actor,
        std::string key,
        net::Deadline deadline
    );
    /// Releases reservations that ran out, at most `limit`; returns how many. Several replicas at
    /// once share the work.
    net::awaitable<std::int64_t> expire_due(std::int64_t limit, net::Deadline deadline);

  private:
    postgres::Pool& pool_;
};

}  // namespace product
