#pragma once

#include <string>
#include <vector>

#include "base/uuid.hpp"
#include "net/net.hpp"
#include "order/domain/ordinary_order.hpp"
#include "postgres/pool.hpp"

namespace order {

/// Durable work: what must be done later by whichever pod comes first. Claimed with SKIP LOCKED for
/// a time, so that a pod that dies leaves its items to the others.
class WorkStore {
  public:
    explicit WorkStore(postgres::Pool& pool) : pool_(pool) {}

    /// Tells product how many units of a settled sale were sold.
    struct SettleItem {
        std::int64_t id = 0;
        base::Uuid sale_id;
        base::Uuid product_id;
        std::int64_t sold = 0;
        int attempts = 0;
    };
    net::awaitable<std::vector<SettleItem>> claim_settlements(
        int limit, std::int64_t claim_ms, net::Deadline deadline
    );

    /// Tells product about units of one order: to let its reservation go (`release_reservation`,
    /// the subject is the reservation) or to take sold ones back (`return_units`, the subject is
    /// the order).
    struct UnitsItem {
        std::int64_t id = 0;
        bool returns = false;  ///< else releases
        base::Uuid subject_id;
        std::vector<WantedLine> lines;  ///< in the order of their products; a release's have 0
    };
    net::awaitable<std::vector<UnitsItem>> claim_units(
        int limit, std::int64_t claim_ms, net::Deadline deadline
    );

    /// Deletes up to `limit` idempotency keys of pay and cancel, and as many releases that product
    /// confirmed, that are older than this; how many of whichever were more. What else is done
    /// stays: the order's history and the audit read it.
    struct Retention {
        std::int64_t keys_ms = std::int64_t{40} * 24 * 3600 * 1000;
        std::int64_t releases_ms = std::int64_t{7} * 24 * 3600 * 1000;
    };
    net::awaitable<std::int64_t> prune(int limit, Retention retention, net::Deadline deadline);

    net::awaitable<void> finish(std::int64_t id, net::Deadline deadline);
    /// As finish, by what the item is about; harmless if it is done or was never ordered.
    net::awaitable<void> finish_release(base::Uuid reservation, net::Deadline deadline);

  private:
    postgres::Pool& pool_;
};

}  // namespace order
