#pragma once

#include <optional>

#include "net/batcher.hpp"
#include "order/store/order_store.hpp"

namespace order {

/// Reads single orders by id, many callers at a time: one query serves all that queued up.
class OrderLookup {
  public:
    struct Limits {
        std::size_t queue_max = 8192;
        std::size_t batch_max = 256;
        std::int64_t timeout_ms = 1500;
    };

    OrderLookup(net::Executor executor, OrderStore& store, Limits limits);

    net::awaitable<std::optional<SaleOrder>> find(base::Uuid order);

  private:
    net::awaitable<std::vector<std::optional<SaleOrder>>> find_all(std::vector<base::Uuid> orders);

    OrderStore& store_;
    Limits limits_;
    net::Batcher<base::Uuid, std::optional<SaleOrder>> lookups_;
};

}  // namespace order
