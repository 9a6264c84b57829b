#include "order/store/sale_tally.hpp"

namespace order {
namespace {

constexpr postgres::Statement count_statement{
    "sale_tally",
    R"(SELECT s.allotted::bigint, u.remaining::bigint, t.held, t.sold,
              u.released::bigint, t.orders, t.customers, u.seq,
              (SELECT count(*) FROM orders.sale_batches b WHERE b.sale_no = s.sale_no)
       FROM orders.sales s
       JOIN orders.sale_units u USING (sale_no)
       CROSS JOIN LATERAL (
           SELECT coalesce(sum(quantity) FILTER (WHERE state IN (0, 1)), 0)::bigint AS held,
                  coalesce(sum(quantity) FILTER (WHERE state IN (2, 5)), 0)::bigint AS sold,
                  count(*) AS orders,
                  count(DISTINCT customer_id) AS customers
           FROM orders.sale_orders o WHERE o.sale_no = s.sale_no
       ) t
       WHERE s.id = $1)"
};

}  // namespace

net::awaitable<std::optional<SaleTally>> SaleTallies::count(
    const base::Uuid& sale, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(sale);
    const auto result = co_await pool_.query(count_statement, parameters, deadline);
    if (result.empty()) co_return std::nullopt;
    SaleTally tally;
    tally.allotted = result.integer(0, 0);
    tally.remaining = result.integer(0, 1);
    tally.held = result.integer(0, 2);
    tally.sold = result.integer(0, 3);
    tally.released = result.integer(0, 4);
    tally.orders = result.integer(0, 5);
    tally.customers = result.integer(0, 6);
    tally.seq = result.integer(0, 7);
    tally.batches = result.integer(0, 8);
    co_return tally;
}

}  // namespace order
