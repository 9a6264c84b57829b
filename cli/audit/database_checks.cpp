#include "cli/audit/database_checks.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "cli/audit/check.hpp"
#include "cli/audit/ordinary_checks.hpp"
#include "cli/audit/snapshot.hpp"

namespace cli {
namespace {

// Each is one look at the whole table: a snapshot of a second or two for a million orders.
constexpr std::array sale_checks{
    Check{
        1,
        "allotted is not remaining + held + sold + released",
        {"audit_conservation",
         R"(SELECT format('sale %s: allotted %s, remaining %s, held %s, sold %s, released %s',
                          s.id, s.allotted, u.remaining, coalesce(o.held, 0), coalesce(o.sold, 0),
                          u.released), count(*) OVER ()
            FROM orders.sales s JOIN orders.sale_units u USING (sale_no)
            LEFT JOIN (
                SELECT sale_no, sum(quantity) FILTER (WHERE state IN (0, 1)) AS held,
                       sum(quantity) FILTER (WHERE state IN (2, 5)) AS sold
                FROM orders.sale_orders GROUP BY sale_no
            ) o USING (sale_no)
            WHERE s.allotted <> u.remaining + coalesce(o.held, 0) + coalesce(o.sold, 0) + u.released
                OR u.remaining < 0
                OR (u.state = 5 AND (u.sold <> coalesce(o.sold, 0) OR o.held > 0))
            LIMIT 5)"}
    },
    Check{
        1,
        "the row does not agree with the end of its history",
        {"audit_row",
         R"(SELECT format('sale %s: row (seq %s, fence %s, state %s, remaining %s), history '
                          '(seq %s, fence %s, state %s, remaining %s, batches %s)', s.id, u.seq,
                          u.fence,
                          u.state, u.remaining, b.seq, b.fence, b.state_after, b.remaining_after,
                          n.batches), count(*) OVER ()
            FROM orders.sales s JOIN orders.sale_units u USING (sale_no)
            CROSS JOIN LATERAL (
                SELECT count(*) AS batches FROM orders.sale_batches c WHERE c.sale_no = s.sale_no
            ) n
            LEFT JOIN LATERAL (
                SELECT * FROM orders.sale_batches c WHERE c.sale_no = s.sale_no
                ORDER BY c.seq DESC LIMIT 1
            ) b ON true
            WHERE u.seq <> coalesce(b.seq, 0) OR n.batches <> u.seq
                OR (b.seq IS NULL AND u.state NOT IN (0, 1))
                OR b.remaining_after <> u.remaining OR b.fence > u.fence
                OR b.state_after <> u.state OR b.sold_out_after <> u.sold_out
            LIMIT 5)"}
    },
    Check{
        1,
        "orders and the batches that name them differ in number",
        {"audit_bijection",
         R"(SELECT format('sale %s: %s orders, %s taken in batches; %s came back, %s in batches',
                          s.id, coalesce(o.orders, 0), coalesce(b.taken, 0),
                          coalesce(o.returned, 0), coalesce(b.returned, 0)), count(*) OVER ()
            FROM orders.sales s
            LEFT JOIN (
                SELECT sale_no, count(*) AS orders, count(returned_seq) AS returned
                FROM orders.sale_orders GROUP BY sale_no
            ) o USING (sale_no)
            LEFT JOIN (
                SELECT sale_no, sum(cardinality(taken)) AS taken,
                       sum(cardinality(returned)) AS returned
                FROM orders.sale_batches GROUP BY sale_no
            ) b USING (sale_no)
            WHERE coalesce(o.orders, 0) <> coalesce(b.taken, 0)
                OR coalesce(o.returned, 0) <> coalesce(b.returned, 0)
            LIMIT 5)"}
    },
    Check{
        1,
        "an order belongs to no sale",
        {"audit_orphans",
         R"(SELECT format('order %s', o.id), count(*) OVER () FROM orders.sale_orders o
            WHERE NOT EXISTS (SELECT 1 FROM orders.sales s WHERE s.sale_no = o.sale_no)
            LIMIT 5)"}
    },
    Check{
        1,
        "a sale gave units after it was sold out or over",
        {"audit_after_the_end",
         R"(SELECT format('sale %s seq %s', s.id, b.seq), count(*) OVER ()
            FROM (
                SELECT c.sale_no, c.seq, cardinality(c.taken) > 0 AS takes, c.sold_out_after,
                       c.state_after,
                       lag(c.sold_out_after) OVER w AS was_sold_out,
                       lag(c.state_after) OVER w AS was
                FROM orders.sale_batches c WINDOW w AS (PARTITION BY c.sale_no ORDER BY c.seq)
            ) b JOIN orders.sales s USING (sale_no)
            WHERE (b.was_sold_out AND (b.takes OR NOT b.sold_out_after))
                OR (b.was IN (4, 5) AND (b.takes OR b.state_after < b.was))
            LIMIT 5)"}
    },
    Check{
        4,
        "a customer held more units than allowed",
        {"audit_units",
         // Few customers ever ordered more than they may hold: only those are looked at closely.
         R"(WITH suspects AS MATERIALIZED (
                SELECT o.sale_no, o.customer_id
                FROM orders.sale_orders o JOIN orders.sales s USING (sale_no)
                GROUP BY o.sale_no, o.customer_id, s.units_per_customer
                HAVING sum(o.quantity) > s.units_per_customer
            )
            SELECT format('sale %s customer %s at seq %s: %s units, %s allowed', s.id,
                          h.customer_id, h.seq, h.units, s.units_per_customer), count(*) OVER ()
            FROM (
                SELECT o.sale_no, o.customer_id, o.seq, sum(p.quantity) AS units
                FROM suspects c
                JOIN orders.sale_orders o USING (sale_no, customer_id)
                JOIN orders.sale_orders p
                    ON p.sale_no = o.sale_no AND p.customer_id = o.customer_id
                    AND (p.seq, p.pos) <= (o.seq, o.pos)
                    AND (p.returned_seq IS NULL OR p.returned_seq > o.seq)
                GROUP BY o.sale_no, o.customer_id, o.seq, o.pos
            ) h JOIN orders.sales s USING (sale_no)
            WHERE h.units > s.units_per_customer
            LIMIT 5)"}
    },
    Check{
        4,
        "a customer opened more holds than allowed",
        {"audit_holds",
         R"(SELECT format('sale %s customer %s: %s holds, %s allowed', s.id, h.customer_id, h.holds,
                          s.holds_per_customer), count(*) OVER ()
            FROM (
                SELECT o.sale_no, o.customer_id, count(*) AS holds FROM orders.sale_orders o
                GROUP BY o.sale_no, o.customer_id HAVING count(*) > 1
            ) h JOIN orders.sales s USING (sale_no)
            WHERE h.holds > s.holds_per_customer
            LIMIT 5)"}
    },
    Check{
        7,
        "a unit came back without its order ending, or the reverse",
        {"audit_returned",
         R"(SELECT format('order %s: state %s, returned at seq %s', o.id, o.state, o.returned_seq),
                   count(*) OVER ()
            FROM orders.sale_orders o WHERE (o.state IN (3, 4)) <> (o.returned_seq IS NOT NULL)
            LIMIT 5)"}
    },
    Check{
        7,
        "an order and its payment attempts contradict each other",
        {"audit_attempts",
         R"(SELECT format('order %s (state %s): %s attempts paid, %s open, %s refunded', o.id,
                          o.state, coalesce(p.paid, 0), coalesce(p.open, 0),
                          coalesce(p.refunded, 0)), count(*) OVER ()
            FROM orders.sale_orders o
            FULL JOIN (
                SELECT order_id, count(*) FILTER (WHERE state = 2) AS paid,
                       count(*) FILTER (WHERE state = 0) AS open,
                       count(*) FILTER (WHERE state IN (5, 6)) AS refunded
                FROM orders.payment_attempts GROUP BY order_id
            ) p ON p.order_id = o.id
            WHERE (o.id IS NULL AND NOT EXISTS (
                    SELECT 1 FROM orders.ordinary_orders q WHERE q.id = p.order_id))
                OR (o.id IS NOT NULL AND (
                coalesce(p.paid, 0) <> CASE o.state WHEN 2 THEN 1 ELSE 0 END
                OR coalesce(p.open, 0) <> CASE o.state WHEN 1 THEN 1 ELSE 0 END
                OR (o.state = 5 AND coalesce(p.refunded, 0) = 0)))
            LIMIT 5)"}
    },
    Check{
        7,
        "a refunded order of a sale did not order its units back as they were sold",
        {"audit_unreturned",
         R"(SELECT format('order %s: %s of %s, item %s', o.id, o.quantity, s.product_id, w.payload),
                   count(*) OVER ()
            FROM orders.sale_orders o JOIN orders.sales s USING (sale_no)
            LEFT JOIN orders.work_items w ON w.kind = 'return_units' AND w.subject_id = o.id
            WHERE o.state = 5 AND w.payload -> 'lines' IS DISTINCT FROM jsonb_build_array(
                jsonb_build_object('product_id', s.product_id, 'quantity', o.quantity))
            LIMIT 5)"}
    },
    Check{
        7,
        "units are ordered back for an order that is not refunded",
        {"audit_unrefunded_returns",
         R"(SELECT format('order %s: item %s', w.subject_id, w.payload), count(*) OVER ()
            FROM orders.work_items w
            WHERE w.kind = 'return_units'
                AND NOT EXISTS (
                    SELECT 1 FROM orders.sale_orders o WHERE o.id = w.subject_id AND o.state = 5)
                AND NOT EXISTS (
                    SELECT 1 FROM orders.ordinary_orders o
                    WHERE o.id = w.subject_id AND o.state = 5)
            LIMIT 5)"}
    },
    Check{
        7,
        "a payment attempt asks for another amount than its order's",
        {"audit_amounts",
         R"(SELECT format('order %s attempt %s: %s instead of %s', o.id, p.n, p.amount_cents,
                          o.quantity * o.unit_price_cents), count(*) OVER ()
            FROM orders.payment_attempts p JOIN orders.sale_orders o ON o.id = p.order_id
            WHERE p.amount_cents <> o.quantity * o.unit_price_cents
            LIMIT 5)"}
    },
    Check{
        9,
        "a sale is stuck",
        {"audit_stuck_sales",
         R"(SELECT format('sale %s: state %s since %s', s.id, u.state,
                          coalesce(b.at, s.created_at)), count(*) OVER ()
            FROM orders.sales s JOIN orders.sale_units u USING (sale_no)
            LEFT JOIN orders.sale_batches b ON b.sale_no = u.sale_no AND b.seq = u.seq
            WHERE (u.state = 0 AND s.created_at < now() - interval '120 seconds')
                OR (u.state IN (2, 3) AND s.ends_at < now() - interval '60 seconds')
                OR (u.state = 4 AND b.at < now() - interval '180 seconds'
                    - s.hold_ms * interval '1 millisecond')
                OR (u.state IN (2, 3, 4) AND NOT u.sold_out
                    AND u.next_due_at < now() - interval '60 seconds')
            LIMIT 5)"}
    },
    Check{
        9,
        "a hold that ran out is still held",
        {"audit_stuck_holds",
         R"(SELECT format('order %s since %s', o.id, o.expires_at), count(*) OVER ()
            FROM orders.sale_orders o
            WHERE o.state = 0 AND o.expires_at < now() - interval '60 seconds'
            LIMIT 5)"}
    },
    Check{
        9,
        "a payment is stuck",
        {"audit_stuck_payments",
         R"(SELECT format('order %s attempt %s: state %s, paying until %s, tried %s times',
                          p.order_id, p.n, p.state, p.paying_until, p.tries), count(*) OVER ()
            FROM orders.payment_attempts p
            WHERE p.state IN (0, 3, 5) AND p.paying_until < now() - interval '60 seconds'
                AND p.changed_at < now() - interval '60 seconds'
            LIMIT 5)"}
    },
    Check{
        9,
        "a work item is stuck",
        {"audit_stuck_work",
         R"(SELECT format('%s %s since %s, tried %s times', w.kind, w.subject_id, w.created_at,
                          w.attempts), count(*) OVER ()
            FROM orders.work_items w
            WHERE w.done_at IS NULL AND w.created_at < now() - interval '120 seconds'
            LIMIT 5)"}
    }
};

constexpr std::array sandbox_checks{
    Check{
        7,
        "the provider charged without a payment that is paid or still being settled",
        {"audit_charges",
         R"(SELECT format('charge %s of %s', c.provider_key, c.amount_cents), count(*) OVER ()
            FROM sandbox.charges c
            LEFT JOIN orders.payment_attempts p ON p.order_id || ':' || p.n = c.provider_key
            WHERE c.state = 'charged' AND (p.n IS NULL OR p.state NOT IN (0, 2, 3, 5)
                OR p.amount_cents <> c.amount_cents OR p.currency <> c.currency)
            LIMIT 5)"}
    },
    Check{
        7,
        "a charge may still be made for a payment that is over",
        {"audit_pending_charges",
         R"(SELECT format('charge %s of %s, pending until %s; payment %s', c.provider_key,
                          c.amount_cents, c.settles_at, coalesce(p.state::text, 'unknown')),
                   count(*) OVER ()
            FROM sandbox.charges c
            LEFT JOIN orders.payment_attempts p ON p.order_id || ':' || p.n = c.provider_key
            WHERE c.state = 'pending' AND (p.n IS NULL OR p.state NOT IN (0, 3))
            LIMIT 5)"}
    },
    Check{
        7,
        "a paid order was not charged",
        {"audit_uncharged",
         R"(SELECT format('order %s attempt %s: provider says %s', p.order_id, p.n,
                          coalesce(c.state, 'nothing')), count(*) OVER ()
            FROM orders.payment_attempts p
            LEFT JOIN sandbox.charges c ON c.provider_key = p.order_id || ':' || p.n
            WHERE p.state = 2 AND c.state IS DISTINCT FROM 'charged'
            LIMIT 5)"}
    }
};

constexpr std::array product_checks{
    Check{
        8,
        "a sale's allotment is not what product set aside",
        {"audit_reservations",
         R"(SELECT format('sale %s: allotted %s, reservation %s of %s', s.id, s.allotted,
                          coalesce(r.state, 'missing'), l.quantity), count(*) OVER ()
            FROM orders.sales s JOIN orders.sale_units u USING (sale_no)
            LEFT JOIN product.reservations r ON r.id = s.id
            LEFT JOIN product.reservation_lines l
                ON l.reservation_id = s.id AND l.product_id = s.product_id
            WHERE u.state IN (2, 3, 4, 5)
                AND (r.id IS NULL OR r.purpose IS DISTINCT FROM 'flash_sale'
                    OR l.quantity IS DISTINCT FROM s.allotted
                    OR (u.state <> 5 AND r.state <> 'open'))
            LIMIT 5)"}
    },
    Check{
        8,
        "product committed another number than the settled sale sold",
        {"audit_settlements",
         R"(SELECT format('sale %s: sold %s, product %s %s', s.id, u.sold, r.state, l.sold),
                   count(*) OVER ()
            FROM orders.work_items w
            JOIN orders.sales s ON s.id = w.subject_id
            JOIN orders.sale_units u USING (sale_no)
            LEFT JOIN product.reservations r ON r.id = s.id
            LEFT JOIN product.reservation_lines l
                ON l.reservation_id = s.id AND l.product_id = s.product_id
            WHERE w.kind = 'settle_reservation' AND w.done_at IS NOT NULL
                AND CASE
                    -- Refused: product never set its units aside, or has them back.
                    WHEN u.state = 1 THEN coalesce(r.state, 'missing') IN ('open', 'missing')
                        OR l.sold > 0
                    ELSE r.state IS DISTINCT FROM 'settled' OR l.sold IS DISTINCT FROM u.sold
                END
            LIMIT 5)"}
    },
    Check{
        8,
        "a settled or refused sale has no settlement ordered",
        {"audit_unordered_settlements",
         R"(SELECT format('sale %s', s.id), count(*) OVER ()
            FROM orders.sales s JOIN orders.sale_units u USING (sale_no)
            WHERE u.state IN (1, 5) AND NOT EXISTS (
                SELECT 1 FROM orders.work_items w
                WHERE w.kind = 'settle_reservation' AND w.subject_id = s.id
                    AND (w.payload ->> 'sold')::bigint = u.sold)
            LIMIT 5)"}
    },
    Check{
        8,
        "product sets units aside for no live sale",
        {"audit_open_reservations",
         R"(SELECT format('reservation %s since %s', r.id, r.created_at), count(*) OVER ()
            FROM product.reservations r
            LEFT JOIN orders.sales s ON s.id = r.id
            LEFT JOIN orders.sale_units u USING (sale_no)
            LEFT JOIN orders.work_items w ON w.kind = 'settle_reservation' AND w.subject_id = r.id
            WHERE r.purpose = 'flash_sale' AND r.state = 'open'
                AND (u.state IS NULL OR (u.state IN (1, 5) AND w.done_at IS NOT NULL))
            LIMIT 5)"}
    },
    Check{
        8,
        "a product's stock is not the sum of its movements",
        {"audit_stock",
         R"(SELECT format('product %s: stock %s, movements %s; reserved %s, movements %s, open %s',
                          p.id, p.stock, coalesce(m.stock, 0), p.reserved, coalesce(m.reserved, 0),
                          coalesce(r.reserved, 0)), count(*) OVER ()
            FROM product.products p
            LEFT JOIN (
                SELECT product_id,
                       sum(CASE WHEN kind IN ('initial', 'restock', 'return', 'correction')
                                THEN quantity
                                WHEN kind = 'settle_sold' THEN -quantity ELSE 0 END) AS stock,
                       sum(CASE WHEN kind = 'reserve' THEN quantity
                                WHEN kind IN ('settle_sold', 'release', 'expire') THEN -quantity
                                WHEN kind = 'correction' THEN reserved_change
                                ELSE 0 END) AS reserved
                FROM product.stock_ledger GROUP BY product_id
            ) m ON m.product_id = p.id
            LEFT JOIN (
                SELECT l.product_id, sum(l.quantity) AS reserved
                FROM product.reservation_lines l
                JOIN product.reservations v ON v.id = l.reservation_id AND v.state = 'open'
                GROUP BY l.product_id
            ) r ON r.product_id = p.id
            WHERE p.stock <> coalesce(m.stock, 0) OR p.reserved <> coalesce(m.reserved, 0)
                OR p.reserved <> coalesce(r.reserved, 0) OR p.stock < p.reserved
            LIMIT 5)"}
    },
    Check{
        8,
        "a movement of stock has no restock, return or settlement behind it, or the reverse",
        {"audit_movements",
         R"(SELECT format('product %s %s: moved %s, on record %s', p.id, k.kind,
                          coalesce(m.units, 0), coalesce(d.units, 0)), count(*) OVER ()
            FROM product.products p
            CROSS JOIN (VALUES ('restock'), ('return'), ('settle_sold')) AS k (kind)
            LEFT JOIN (
                SELECT product_id, kind, sum(quantity) AS units
                FROM product.stock_ledger GROUP BY product_id, kind
            ) m ON m.product_id = p.id AND m.kind = k.kind
            LEFT JOIN (
                SELECT product_id, 'restock' AS kind, sum(quantity) AS units
                FROM product.restocks GROUP BY product_id
                UNION ALL
                SELECT product_id, 'return', sum(quantity)
                FROM product.return_lines GROUP BY product_id
                UNION ALL
                SELECT product_id, 'settle_sold', sum(sold)
                FROM product.reservation_lines GROUP BY product_id
            ) d ON d.product_id = p.id AND d.kind = k.kind
            -- A corrected ledger (doorbuster stock reconcile) says itself that it lost movements.
            WHERE coalesce(m.units, 0) <> coalesce(d.units, 0)
                AND NOT EXISTS (SELECT FROM product.stock_ledger c WHERE c.product_id = p.id
                                AND c.kind = 'correction' AND c.quantity <> 0)
            LIMIT 5)"}
    },
    Check{
        9,
        "a reservation that ran out still holds units",
        {"audit_stuck_reservations",
         R"(SELECT format('reservation %s since %s', r.id, r.expires_at), count(*) OVER ()
            FROM product.reservations r
            WHERE r.state = 'open' AND r.expires_at < now() - interval '60 seconds'
            LIMIT 5)"}
    }
};

constexpr postgres::Statement counts_statement{
    "audit_counts",
    R"(SELECT (SELECT count(*) FROM orders.sales), (SELECT count(*) FROM orders.sale_orders)
                  + (SELECT count(*) FROM orders.ordinary_orders),
              (SELECT count(*) FROM orders.sale_batches),
              to_regclass('product.stock_ledger') IS NOT NULL,
              to_regclass('sandbox.webhooks') IS NOT NULL)"
};

constexpr postgres::Statement sales_statement{
    "audit_sales", "SELECT s.id, u.seq FROM orders.sales s JOIN orders.sale_units u USING (sale_no)"
};

constexpr postgres::Statement replay_statement{
    "audit_replay",
    R"(SELECT format('sale %s seq %s: %s before, %s taken, %s returned, %s after', $1, r.seq,
                     r.remaining_before, r.taken_units, r.returned_units, r.remaining_after),
              r.problem
       FROM orders.sale_replay_v1($1, $2, $3) r)"
};

/// Batches per replayed stretch: at 256 orders each some 100 ms, so that a snapshot stays short.
constexpr std::int64_t stretch_batches = 500;

net::awaitable<void> replay(
    postgres::Pool& pool,
    const base::Uuid& sale,
    std::int64_t last_seq,
    Findings& findings,
    const AuditProgress& progress
) {
    // The whole history up to last_seq is committed, and it never changes: each stretch may be
    // looked at in a snapshot of its own.
    for (std::int64_t after = 0; after < last_seq; after += stretch_batches) {
        progress("replay of " + sale.to_string(), after, last_seq);
        postgres::Parameters parameters;
        const std::int64_t to = std::min(after + stretch_batches, last_seq);
        parameters.uuid(sale).int8(after).int8(to);
        const auto deadline = net::deadline_in(snapshot_timeout);
        const auto result = co_await pool.query(replay_statement, parameters, deadline);
        for (std::size_t row = 0; row < result.rows(); ++row) {
            findings.add(
                1,
                fmt::format("the history does not replay: {}", result.text(row, 1)),
                std::string(result.text(row, 0))
            );
        }
    }
}

}  // namespace

net::awaitable<void> check_database(
    postgres::Pool& pool, AuditReport& report, Findings& findings, const AuditProgress& progress
) {
    const postgres::Parameters none;
    Snapshot snapshot = co_await Snapshot::open(pool);
    const auto counts = co_await snapshot.query(counts_statement, none);
    report.sales = counts.integer(0, 0);
    report.orders = counts.integer(0, 1);
    report.batches = counts.integer(0, 2);
    const bool has_product = counts.boolean(0, 3);
    const bool has_sandbox = counts.boolean(0, 4);
    co_await run_checks(snapshot, sale_checks, findings, progress, "sales");
    co_await run_checks(snapshot, ordinary_checks(), findings, progress, "ordinary orders");
    if (has_sandbox) {
        co_await run_checks(snapshot, sandbox_checks, findings, progress, "payments");
    } else {
        report.skipped.push_back({7, "no sandbox provider's ledger in this database"});
    }
    if (has_product) {
        co_await run_checks(snapshot, product_checks, findings, progress, "stock");
        co_await run_checks(snapshot, ordinary_stock_checks(), findings, progress, "orders' stock");
    } else {
        report.skipped.push_back({8, "no schema product in this database"});
    }
    const auto sales = co_await snapshot.query(sales_statement, none);
    co_await snapshot.close();
    for (std::size_t row = 0; row < sales.rows(); ++row) {
        const base::Uuid sale = sales.uuid(row, 0);
        co_await replay(pool, sale, sales.integer(row, 1), findings, progress);
    }
}

}  // namespace cli
