#include "order/store/order_history_store.hpp"

namespace order {
namespace {

constexpr postgres::Statement find_statement{
    "order_history",
    R"(SELECT at, kind, payment_n, refusal, refused_product, available
       FROM orders.order_history_v1($1))"
};

}  // namespace

net::awaitable<std::vector<OrderEvent>> OrderHistoryStore::find(
    base::Uuid order, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(order);
    const auto rows = co_await pool_.query(find_statement, parameters, deadline);
    std::vector<OrderEvent> events;
    events.reserve(rows.rows());
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        OrderEvent event;
        event.at_ms = rows.timestamp_ms(row, 0);
        event.kind = rows.text(row, 1);
        event.payment_n = rows.optional_integer(row, 2);
        if (const auto refusal = rows.optional_integer(row, 3)) {
            event.refusal = RefusedOrder{
                static_cast<OrderRefusal>(*refusal),
                rows.optional_uuid(row, 4),
                rows.optional_integer(row, 5)
            };
        }
        events.push_back(std::move(event));
    }
    co_return events;
}

}  // namespace order
