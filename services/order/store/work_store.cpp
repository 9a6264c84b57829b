#include "order/store/work_store.hpp"

namespace order {
namespace {

constexpr postgres::Statement claim_statement{
    "work_claim_settlements",
    R"(UPDATE orders.work_items w
       SET due_at = clock_timestamp() + $2::bigint * interval '1 millisecond',
           attempts = w.attempts + 1
       FROM (
           SELECT id FROM orders.work_items
           WHERE done_at IS NULL AND kind = 'settle_reservation' AND due_at <= clock_timestamp()
           ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
       ) due
       WHERE w.id = due.id
       RETURNING w.id, w.subject_id, (w.payload ->> 'product_id')::uuid,
                 (w.payload ->> 'sold')::bigint, w.attempts)"
};

constexpr postgres::Statement claim_units_statement{
    "work_claim_units",
    R"(UPDATE orders.work_items w
       SET due_at = clock_timestamp() + $2::bigint * interval '1 millisecond',
           attempts = w.attempts + 1
       FROM (
           SELECT id FROM orders.work_items
           WHERE done_at IS NULL AND kind IN ('release_reservation', 'return_units')
               AND due_at <= clock_timestamp()
           ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
       ) due
       CROSS JOIN LATERAL (
           SELECT array_agg(l.product_id ORDER BY l.product_id) AS products,
                  array_agg(l.quantity ORDER BY l.product_id) AS quantities
           FROM orders.work_items i,
                jsonb_to_recordset(i.payload -> 'lines') AS l (product_id uuid, quantity bigint)
           WHERE i.id = due.id
       ) told
       WHERE w.id = due.id
       RETURNING w.id, w.kind = 'return_units', w.subject_id, told.products, told.quantities)"
};

constexpr postgres::Statement finish_release_statement{
    "work_finish_release",
    R"(UPDATE orders.work_items SET done_at = clock_timestamp()
       WHERE kind = 'release_reservation' AND subject_id = $1 AND done_at IS NULL)"
};

constexpr postgres::Statement finish_statement{
    "work_finish",
    "UPDATE orders.work_items SET done_at = clock_timestamp() WHERE id = $1 AND done_at IS NULL"
};

constexpr postgres::Statement prune_statement{"work_prune", "SELECT orders.prune_v1($1, $2, $3)"};

}  // namespace

net::awaitable<std::vector<WorkStore::SettleItem>> WorkStore::claim_settlements(
    int limit, std::int64_t claim_ms, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.int4(limit).int8(claim_ms);
    const auto rows = co_await pool_.query(claim_statement, parameters, deadline);
    std::vector<SettleItem> items;
    items.reserve(rows.rows());
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        items.push_back(
            {.id = rows.integer(row, 0),
             .sale_id = rows.uuid(row, 1),
             .product_id = rows.uuid(row, 2),
             .sold = rows.integer(row, 3),
             .attempts = static_cast<int>(rows.integer(row, 4))}
        );
    }
    co_return items;
}

net::awaitable<std::vector<WorkStore::UnitsItem>> WorkStore::claim_units(
    int limit, std::int64_t claim_ms, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.int4(limit).int8(claim_ms);
    const auto rows = co_await pool_.query(claim_units_statement, parameters, deadline);
    std::vector<UnitsItem> items;
    items.reserve(rows.rows());
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        UnitsItem item;
        item.id = rows.integer(row, 0);
        item.returns = rows.boolean(row, 1);
        item.subject_id = rows.uuid(row, 2);
        const auto products = rows.uuid_array(row, 3);
        const auto quantities = rows.integer_array(row, 4);
        for (std::size_t index = 0; index < products.size(); ++index) {
            item.lines.push_back({products[index], quantities.at(index)});
        }
        items.push_back(std::move(item));
    }
    co_return items;
}

net::awaitable<void> WorkStore::finish_release(base::Uuid reservation, net::Deadline deadline) {
    postgres::Parameters parameters;
    parameters.uuid(reservation);
    co_await pool_.query(finish_release_statement, parameters, deadline);
}

net::awaitable<std::int64_t> WorkStore::prune(
    int limit, Retention retention, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.int4(limit).int8(retention.keys_ms).int8(retention.releases_ms);
    const auto row = co_await pool_.query(prune_statement, parameters, deadline);
    co_return row.integer(0, 0);
}

net::awaitable<void> WorkStore::finish(std::int64_t id, net::Deadline deadline) {
    postgres::Parameters parameters;
    parameters.int8(id);
    co_await pool_.query(finish_statement, parameters, deadline);
}

}  // namespace order
