#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"
#include "order/domain/sale.hpp"

namespace order {

/// One purchase as it travels to the row of its sale.
struct Take {
    base::Uuid order_id;  ///< the id that the order gets if the units are given
    base::Uuid customer_id;
    base::Uuid key;          ///< first 16 bytes of SHA-256 of the Idempotency-Key
    base::Uuid fingerprint;  ///< first 16 bytes of SHA-256 of the decoded request
    std::int32_t quantity = 1;
    std::int64_t deadline_us = 0;  ///< Unix microseconds by the database's clock
};

/// A buyer's wish to give a held order back.
struct Return {
    base::Uuid order_id;
    base::Uuid customer_id;
};

/// Answers of sale_apply_v1 to a take, as stored in no table but sent over the wire.
enum class TakeOutcome : std::int16_t {
    bought = 0,
    known = 1,       ///< the key has an order already; order_id is that order's
    key_reused = 2,  ///< the key belongs to another request
    sold_out = 3,    ///< definite: never again
    sale_over = 4,   ///< definite
    none_left_now = 5,
    not_enough = 6,
    limit_reached = 7,
    paused = 8,
    not_started = 9,
    /// Nothing was decided: its deadline had passed, or too many holds were due to look at all.
    late = 10,
    /// Behind a take of the same customer that this batch gave: send it again in the next.
    deferred = 11
};

std::string_view to_string(TakeOutcome outcome);

enum class ReturnOutcome : std::int16_t {
    cancelled = 0,
    already_cancelled = 1,
    already_expired = 2,
    paying = 3,
    paid = 4,
    refunded = 5,
    not_found = 6
};

enum class BatchMode : std::int16_t { lease = 0, without_lease = 1 };

struct TakeResult {
    TakeOutcome outcome = TakeOutcome::late;
    base::Uuid order_id;         ///< of bought and known
    std::int64_t remaining = 0;  ///< units left before this take was decided
};

/// What one call of sale_apply_v1 did.
struct BatchResult {
    enum class Status : std::int16_t { applied = 0, fenced = 1, no_such_sale = 2 };

    Status status = Status::applied;
    std::int64_t fence = 0;  ///< the row's, also when fenced
    std::int64_t seq = 0;    ///< this batch's if it wrote, else the last one's
    bool wrote = false;      ///< false: nothing changed, so no (seq, pos) belongs to this call
    SaleState state = SaleState::open;
    bool sold_out = false;
    std::int64_t remaining = 0;
    std::int64_t at_us = 0;          ///< when the batch was decided, by the database's clock
    std::int64_t expires_at_us = 0;  ///< of the orders that this batch took
    std::optional<std::int64_t> next_expiry_us;  ///< earliest moment an open hold may come back
    std::vector<TakeResult> takes;               ///< one per take, in order; empty unless applied
    std::vector<ReturnOutcome> returns;
};

/// One unlocked snapshot: the sale's row and which keys have an order.
struct Peek {
    SaleStanding standing;
    std::int64_t at_us = 0;
    std::optional<std::int64_t> next_expiry_us;
    struct Known {
        base::Uuid order_id;
        base::Uuid fingerprint;
    };
    std::vector<std::optional<Known>> known;  ///< one per asked (customer, key)
};

}  // namespace order
