#pragma once

#include <optional>

#include "net/net.hpp"
#include "order/domain/sale.hpp"
#include "postgres/pool.hpp"

namespace order {

/// The units of a sale, counted from its orders and set beside its row in one snapshot:
/// allotted = remaining + held + sold + released, always.
struct SaleTally {
    std::int64_t allotted = 0;
    std::int64_t remaining = 0;
    std::int64_t held = 0;
    std::int64_t sold = 0;
    std::int64_t released = 0;
    std::int64_t orders = 0;
    std::int64_t customers = 0;
    std::int64_t seq = 0;
    std::int64_t batches = 0;  ///< logged; equals seq if the log has no gap

    bool adds_up() const {
        return allotted == remaining + held + sold + released && seq == batches;
    }
};

class SaleTallies {
  public:
    explicit SaleTallies(postgres::Pool& pool) : pool_(pool) {}

    net::awaitable<std::optional<SaleTally>> count(const base::Uuid& sale, net::Deadline deadline);

  private:
    postgres::Pool& pool_;
};

}  // namespace order
