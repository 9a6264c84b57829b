#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "net/net.hpp"
#include "order/domain/batch.hpp"
#include "order/domain/sale.hpp"
#include "postgres/pool.hpp"

namespace order {

/// Everything that touches the row of a sale. Thin and typed: each method is one call of one
/// function of migrations/0002_sale_functions.sql, which hold the rules. All throw postgres::Error.
class SaleStore {
  public:
    explicit SaleStore(postgres::Pool& pool) : pool_(pool) {}

    // -- the hot path --------------------------------------------------------------------------

    /// The atomic stock update: one transaction that gives units, writes orders and returns units.
    /// `connection` is the engine's own, so that a batch never waits behind other work.
    net::awaitable<BatchResult> apply(
        postgres::Connection& connection,
        const base::Uuid& sale,
        std::int64_t fence,
        BatchMode mode,
        const std::vector<Take>& takes,
        const std::vector<Return>& returns,
        net::Deadline deadline
    );

    /// Raises the fence and returns the row: waits for a batch of the former holder that is under
    /// way and refuses any later one. nullopt: no such sale.
    net::awaitable<std::optional<SaleStanding>> raise_fence(
        postgres::Connection& connection, const base::Uuid& sale, net::Deadline deadline
    );

    /// Ends the backend that blocks this sale's row for longer than a batch may take; called after
    /// raise_fence ran into its lock timeout. Returns how many were ended.
    net::awaitable<int> end_blockers(const base::Uuid& sale, net::Deadline deadline);

    /// The row, unlocked: the current fence for a pod without the lease, and the state.
    net::awaitable<std::optional<Peek>> read(const base::Uuid& sale, net::Deadline deadline);

    struct KeyQuestion {
        base::Uuid customer_id;
        base::Uuid key;
    };
    /// One unlocked snapshot of the row and of the orders of these keys; nullopt: no such sale.
    net::awaitable<std::optional<Peek>> peek(
        const base::Uuid& sale, const std::vector<KeyQuestion>& questions, net::Deadline deadline
    );

    // -- life of a sale ------------------------------------------------------------------------

    struct NewSale {
        SaleTerms terms;
        base::Uuid created_by;
        base::Uuid created_key;  ///< digest of the Idempotency-Key
        base::Uuid fingerprint;
    };
    enum class CreateRefusal { key_reused };
    /// Commits the sale as `preparing`; the same key and fingerprint return the sale made before.
    struct Created {
        Sale sale;
        bool repeated = false;
    };
    net::awaitable<std::expected<Created, CreateRefusal>> create(
        const NewSale& sale, net::Deadline deadline
    );
    /// preparing -> open with all its units; harmless when repeated.
    net::awaitable<void> open(const base::Uuid& sale, net::Deadline deadline);
    /// preparing -> refused.
    net::awaitable<void> refuse(
        const base::Uuid& sale, const std::string& why, net::Deadline deadline
    );

    enum class ControlRefusal { no_such_sale, not_open, settled };
    net::awaitable<std::expected<SaleStanding, ControlRefusal>> control(
        const base::Uuid& sale, SaleAction action, const base::Uuid& actor, net::Deadline deadline
    );

    struct Settlement {
        bool settled = false;
        std::int64_t still_open = 0;  ///< orders reserved or paying
    };
    net::awaitable<Settlement> settle(const base::Uuid& sale, net::Deadline deadline);

    // -- readers -------------------------------------------------------------------------------

    net::awaitable<std::optional<Sale>> find(const base::Uuid& sale, net::Deadline deadline);
    /// Newest first, after `cursor` (the id of the last one seen).
    net::awaitable<std::vector<Sale>> list(
        std::optional<base::Uuid> cursor, int limit, net::Deadline deadline
    );

    /// Sales a worker has to move on: preparing for longer than `age_ms`, open or paused past
    /// ends_at, draining.
    struct DueSales {
        std::vector<Sale> preparing;
        std::vector<base::Uuid> over;
        std::vector<base::Uuid> draining;
        /// Sales with holds that came due and no batch since: an empty batch reclaims them.
        std::vector<base::Uuid> reclaimable;
    };
    net::awaitable<DueSales> due(std::int64_t age_ms, net::Deadline deadline);

    /// The database's clock in Unix microseconds, for the offset to this machine's.
    net::awaitable<std::int64_t> clock_us(net::Deadline deadline);

  private:
    postgres::Pool& pool_;
};

}  // namespace order
