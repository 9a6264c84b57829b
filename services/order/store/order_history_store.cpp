#include "order/store/order_history_store.hpp"

namespace order {
namespace {

// `place` orders what happened in one transaction, and so at one moment.
constexpr postgres::Statement find_statement{
    "order_history",
    R"(WITH wanted AS MATERIALIZED (
           SELECT o.* FROM orders.sale_orders o WHERE o.id = $1
       ), happened AS (
           SELECT e.at, e.event_no AS place, e.kind, e.payment_n, e.refusal, e.refused_product,
                  e.available
           FROM orders.ordinary_order_events e WHERE e.order_id = $1
           UNION ALL
           SELECT b.at, 0, 'reserved', NULL, NULL, NULL, NULL
           FROM wanted o JOIN orders.sale_batches b ON b.sale_no = o.sale_no AND b.seq = o.seq
           UNION ALL
           SELECT p.created_at, 0, 'payment_started', p.n, NULL, NULL, NULL
           FROM wanted o JOIN orders.payment_attempts p ON p.order_id = o.id
           UNION ALL
           SELECT p.changed_at, 0, CASE p.state
                      WHEN 1 THEN 'payment_declined' WHEN 2 THEN 'payment_approved'
                      WHEN 3 THEN 'payment_lapsed' WHEN 5 THEN 'refund_due' END,
                  p.n, NULL, NULL, NULL
           FROM wanted o JOIN orders.payment_attempts p ON p.order_id = o.id
           WHERE p.state IN (1, 2, 3, 5)
           UNION ALL
           SELECT o.changed_at, 1, 'paid', NULL, NULL, NULL, NULL FROM wanted o WHERE o.state = 2
           UNION ALL
           SELECT b.at, 1, CASE o.state WHEN 3 THEN 'cancelled' ELSE 'expired' END,
                  NULL, NULL, NULL, NULL
           FROM wanted o
           JOIN orders.sale_batches b ON b.sale_no = o.sale_no AND b.seq = o.returned_seq
           UNION ALL
           SELECT o.changed_at, 1, 'cancelled', NULL, NULL, NULL, NULL
           FROM wanted o WHERE o.state = 5
           UNION ALL
           SELECT p.changed_at, 9223372036854775806,
                  CASE p.state WHEN 4 THEN 'payment_voided' ELSE 'refunded' END,
                  p.n, NULL, NULL, NULL
           FROM orders.payment_attempts p WHERE p.order_id = $1 AND p.state IN (4, 6)
           UNION ALL
           SELECT w.done_at, 9223372036854775807, 'returned', NULL, NULL, NULL, NULL
           FROM orders.work_items w
           WHERE w.kind = 'return_units' AND w.subject_id = $1 AND w.done_at IS NOT NULL
       )
       SELECT at, kind, payment_n, refusal, refused_product, available
       FROM happened ORDER BY at, place)"
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
