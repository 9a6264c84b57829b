#pragma once

#include <optional>
#include <vector>

#include "net/net.hpp"
#include "order/domain/order.hpp"
#include "postgres/pool.hpp"

namespace order {

/// Reads orders of flash sales for their owners.
class OrderStore {
  public:
    explicit OrderStore(postgres::Pool& pool) : pool_(pool) {}

    /// nullopt if there is none or it belongs to somebody else.
    net::awaitable<std::optional<SaleOrder>> find(
        const base::Uuid& order, const base::Uuid& customer, net::Deadline deadline
    );

    /// In the order asked; ids that don't exist are left out.
    net::awaitable<std::vector<SaleOrder>> find_all(
        const std::vector<base::Uuid>& orders, net::Deadline deadline
    );

    /// A customer's orders, newest first, after `cursor` (the id of the last one seen); those in
    /// `state`, if given.
    net::awaitable<std::vector<SaleOrder>> list(
        const base::Uuid& customer,
        std::optional<base::Uuid> cursor,
        std::optional<OrderState> state,
        int limit,
        net::Deadline deadline
    );

  private:
    postgres::Pool& pool_;
};

}  // namespace order
