#include "order/engine/order_lookup.hpp"

#include <unordered_map>
#include <utility>

#include "base/neighbour_error.hpp"

namespace order {

OrderLookup::OrderLookup(net::Executor executor, OrderStore& store, Limits limits)
    : store_(store),
      limits_(limits),
      lookups_(
          std::move(executor),
          limits.queue_max,
          limits.batch_max,
          [this](std::vector<base::Uuid> orders) { return find_all(std::move(orders)); }
      ) {}

net::awaitable<std::optional<SaleOrder>> OrderLookup::find(base::Uuid order) {
    if (!lookups_.has_room()) {
        throw base::NeighbourError(
            "order look-up", "too many are waiting", base::NeighbourError::Effect::none
        );
    }
    co_return co_await lookups_.submit(order);
}

net::awaitable<std::vector<std::optional<SaleOrder>>> OrderLookup::find_all(
    std::vector<base::Uuid> orders
) {
    const auto deadline = net::deadline_in(std::chrono::milliseconds(limits_.timeout_ms));
    const std::vector<SaleOrder> found = co_await store_.find_all(orders, deadline);
    std::unordered_map<base::Uuid, const SaleOrder*> by_id;
    for (const SaleOrder& order : found) by_id.emplace(order.id, &order);
    std::vector<std::optional<SaleOrder>> answers(orders.size());
    for (std::size_t index = 0; index < orders.size(); ++index) {
        const auto entry = by_id.find(orders[index]);
        if (entry != by_id.end()) answers[index] = *entry->second;
    }
    co_return answers;
}

}  // namespace order
