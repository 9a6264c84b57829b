#pragma once

#include <vector>

#include "net/net.hpp"
#include "order/domain/order_event.hpp"
#include "postgres/pool.hpp"

namespace order {

/// What happened to an order of either kind, oldest first. An ordinary order's events are stored; a
/// flash sale's are read off its batches and payment attempts, so that a purchase writes nothing
/// for them. Of an attempt that has moved on only the last state has a time.
class OrderHistoryStore {
  public:
    explicit OrderHistoryStore(postgres::Pool& pool) : pool_(pool) {}

    /// Empty if there is no such order. Throws postgres::Error.
    net::awaitable<std::vector<OrderEvent>> find(base::Uuid order, net::Deadline deadline);

  private:
    postgres::Pool& pool_;
};

}  // namespace order
