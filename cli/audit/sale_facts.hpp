#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/uuid.hpp"
#include "cli/audit/audit.hpp"
#include "cli/audit/snapshot.hpp"

namespace cli {

/// What the log of a crowd is compared with: one sale as the database has it, in memory (some 120
/// bytes per order).
struct SaleFacts {
    struct Order {
        base::Uuid id;
        base::Uuid customer_id;
        base::Uuid key;
        std::int64_t unit_price_cents = 0;
        std::int64_t seq = 0;
        std::int32_t quantity = 0;
        std::int16_t pos = 0;
        std::int16_t state = 0;
        /// When the crowd first asked for it and was first told of it.
        std::int64_t first_sent_us = INT64_MAX;
        std::int64_t first_answered_us = INT64_MAX;
    };
    struct Batch {
        std::int64_t seq = 0;
        std::int64_t at_us = 0;
        std::int32_t remaining_after = 0;
        std::int16_t state_after = 0;
        bool sold_out_after = false;
    };
    /// Units that could have been given to somebody else but were not: a hold that was left
    /// standing for more than the second that it may.
    struct Overdue {
        std::int64_t from_us = 0;
        std::int64_t to_us = 0;  ///< the latest end of this hold and of all that came due before
    };

    base::Uuid id;
    std::vector<Order> orders;          ///< by customer, then key
    std::vector<std::uint32_t> places;  ///< indexes of orders, by seq, then pos
    std::vector<Batch> batches;         ///< by seq
    std::vector<Overdue> overdue;       ///< by from_us

    /// Every order of this customer and key: more than one is a violation.
    std::pair<std::size_t, std::size_t> orders_of(const base::Uuid& customer, const base::Uuid& key)
        const;
    const Batch* batch(std::int64_t seq) const;
    /// Units left before take `pos` of batch `seq` was decided, or after all of it.
    std::int64_t remaining_at(const Batch& batch, std::optional<std::int64_t> pos) const;
    /// Whether one hold was overdue all the time from `from_us` to `to_us`.
    bool was_overdue(std::int64_t from_us, std::int64_t to_us) const;
};

/// nullopt: no such sale. Reads in pieces, within one snapshot.
net::awaitable<std::optional<SaleFacts>> load_sale_facts(
    Snapshot& snapshot, base::Uuid sale, const AuditProgress& progress
);

}  // namespace cli
