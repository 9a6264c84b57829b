#pragma once

#include <vector>

#include "net/net.hpp"
#include "order/domain/order_event.hpp"
#include "postgres/pool.hpp"

namespace order {

/// What happened to an order of either kind, oldest first (migrations/0006_order_history.sql).
class OrderHistoryStore {
  public:
    explicit OrderHistoryStore(postgres::Pool& pool) : pool_(pool) {}

    /// Empty if there is no such order. Throws postgres::Error.
    net::awaitable<std::vector<OrderEvent>> find(base::Uuid order, net::Deadline deadline);

  private:
    postgres::Pool& pool_;
};

}  // namespace order
