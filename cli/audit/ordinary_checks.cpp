#include "cli/audit/ordinary_checks.hpp"

#include <array>

namespace cli {
namespace {

constexpr std::array checks_of_orders{
    Check{
        7,
        "an ordinary order and its payment attempts contradict each other",
        {"audit_ordinary_attempts",
         R"(SELECT format('order %s (state %s): %s attempts paid, %s open, %s refunded', o.id,
                          o.state, coalesce(p.paid, 0), coalesce(p.open, 0),
                          coalesce(p.refunded, 0)), count(*) OVER ()
            FROM orders.ordinary_orders o
            LEFT JOIN (
                SELECT order_id, count(*) FILTER (WHERE state = 2) AS paid,
                       count(*) FILTER (WHERE state = 0) AS open,
                       count(*) FILTER (WHERE state IN (5, 6)) AS refunded
                FROM orders.payment_attempts GROUP BY order_id
            ) p ON p.order_id = o.id
            WHERE coalesce(p.paid, 0) + coalesce(p.open, 0)
                    <> CASE WHEN o.state IN (1, 2) THEN 1 ELSE 0 END
                OR (o.state = 2 AND p.open > 0)
                OR (o.state = 5 AND coalesce(p.refunded, 0) = 0)
            LIMIT 5)"}
    },
    Check{
        7,
        "an ordinary order's payment asks for another amount than its lines",
        {"audit_ordinary_amounts",
         R"(SELECT format('order %s: lines %s, total %s, attempt %s', o.id, l.cents, o.total_cents,
                          p.amount_cents), count(*) OVER ()
            FROM orders.ordinary_orders o
            LEFT JOIN (
                SELECT order_id, sum(quantity * unit_price_cents) AS cents
                FROM orders.ordinary_order_lines GROUP BY order_id
            ) l ON l.order_id = o.id
            LEFT JOIN orders.payment_attempts p ON p.order_id = o.id
            WHERE o.state NOT IN (6, 7)
                AND (o.total_cents IS DISTINCT FROM l.cents
                    OR (p.n IS NOT NULL AND (p.amount_cents <> o.total_cents
                        OR p.currency <> o.currency)))
            LIMIT 5)"}
    },
    Check{
        7,
        "a refunded order's units were not ordered back as they were sold",
        {"audit_ordinary_unreturned",
         R"(SELECT format('order %s', o.id), count(*) OVER ()
            FROM orders.ordinary_orders o
            LEFT JOIN orders.work_items w ON w.kind = 'return_units' AND w.subject_id = o.id
            WHERE o.state = 5 AND w.payload -> 'lines' IS DISTINCT FROM (
                SELECT jsonb_agg(
                    jsonb_build_object('product_id', l.product_id, 'quantity', l.quantity)
                    ORDER BY l.product_id)
                FROM orders.ordinary_order_lines l WHERE l.order_id = o.id)
            LIMIT 5)"}
    },
    Check{
        9,
        "an ordinary order is stuck",
        {"audit_stuck_ordinary",
         R"(SELECT format('order %s: state %s since %s', o.id, o.state, o.changed_at),
                   count(*) OVER ()
            FROM orders.ordinary_orders o
            WHERE (o.state IN (0, 6) AND o.expires_at < now() - interval '60 seconds')
                OR (o.state = 1 AND o.changed_at < now() - interval '120 seconds'
                    AND NOT EXISTS (
                        SELECT 1 FROM orders.payment_attempts p
                        WHERE p.order_id = o.id AND p.state = 0 AND p.paying_until > now()))
            LIMIT 5)"}
    }
};

constexpr std::array checks_of_stock{
    Check{
        8,
        "a paid ordinary order has no reservation settled with its lines",
        {"audit_ordinary_unsettled",
         R"(SELECT format('order %s product %s: %s ordered, reservation %s, %s set aside, %s sold',
                          o.id, l.product_id, l.quantity, coalesce(r.state, 'missing'), x.quantity,
                          x.sold), count(*) OVER ()
            FROM orders.ordinary_orders o
            JOIN orders.ordinary_order_lines l ON l.order_id = o.id
            LEFT JOIN product.reservations r ON r.id = o.reservation_id
            LEFT JOIN product.reservation_lines x
                ON x.reservation_id = o.reservation_id AND x.product_id = l.product_id
            WHERE o.state IN (2, 5)
                AND (r.state IS DISTINCT FROM 'settled' OR x.sold IS DISTINCT FROM l.quantity)
            LIMIT 5)"}
    },
    Check{
        8,
        "product sold units of a reservation to no paid ordinary order",
        {"audit_ordinary_unpaid",
         R"(SELECT format('reservation %s product %s: %s sold', r.id, x.product_id, x.sold),
                   count(*) OVER ()
            FROM product.reservations r
            JOIN product.reservation_lines x ON x.reservation_id = r.id AND x.sold > 0
            WHERE r.purpose = 'order' AND NOT EXISTS (
                SELECT 1 FROM orders.ordinary_orders o
                JOIN orders.ordinary_order_lines l ON l.order_id = o.id
                WHERE o.reservation_id = r.id AND l.product_id = x.product_id
                    AND l.quantity = x.sold
                    -- Product settles first: until order has read that, the approval is on record.
                    AND (o.state IN (2, 5) OR (o.state = 1 AND EXISTS (
                        SELECT 1 FROM orders.payment_attempts p
                        WHERE p.order_id = o.id AND p.state = 2))))
            LIMIT 5)"}
    },
    Check{
        8,
        "product sets units aside for no live ordinary order",
        {"audit_ordinary_open",
         R"(SELECT format('reservation %s since %s', r.id, r.created_at), count(*) OVER ()
            FROM product.reservations r
            WHERE r.purpose = 'order' AND r.state = 'open'
                AND NOT EXISTS (
                    SELECT 1 FROM orders.ordinary_orders o
                    WHERE o.reservation_id = r.id AND o.state IN (0, 1, 6))
                AND NOT EXISTS (
                    SELECT 1 FROM orders.work_items w
                    WHERE w.kind = 'release_reservation' AND w.subject_id = r.id
                        AND w.done_at IS NULL)
            LIMIT 5)"}
    },
    Check{
        8,
        "an ordinary order that can be paid has no units set aside",
        {"audit_ordinary_unheld",
         R"(SELECT format('order %s product %s: %s ordered, reservation %s, %s set aside', o.id,
                          l.product_id, l.quantity, coalesce(r.state, 'missing'), x.quantity),
                   count(*) OVER ()
            FROM orders.ordinary_orders o
            JOIN orders.ordinary_order_lines l ON l.order_id = o.id
            LEFT JOIN product.reservations r ON r.id = o.reservation_id
            LEFT JOIN product.reservation_lines x
                ON x.reservation_id = o.reservation_id AND x.product_id = l.product_id
            WHERE o.state = 0 AND o.expires_at > now()
                AND (r.state IS DISTINCT FROM 'open' OR x.quantity IS DISTINCT FROM l.quantity)
            LIMIT 5)"}
    },
    Check{
        7,
        "units went back to stock for an order that is not refunded, or other ones than its",
        {"audit_returns",
         R"(SELECT format('return %s of order %s product %s: %s units, item %s', t.id, t.order_id,
                          y.product_id, y.quantity, w.payload), count(*) OVER ()
            FROM product.returns t
            JOIN product.return_lines y ON y.return_id = t.id
            LEFT JOIN orders.work_items w ON w.kind = 'return_units' AND w.subject_id = t.order_id
            WHERE t.id <> t.order_id OR w.id IS NULL OR NOT EXISTS (
                SELECT 1 FROM jsonb_to_recordset(w.payload -> 'lines')
                    AS l (product_id uuid, quantity bigint)
                WHERE l.product_id = y.product_id AND l.quantity = y.quantity)
            LIMIT 5)"}
    },
    Check{
        7,
        "an order to return units is done, and product has no such return",
        {"audit_undelivered_returns",
         R"(SELECT format('order %s product %s: %s units', w.subject_id, l.product_id, l.quantity),
                   count(*) OVER ()
            FROM orders.work_items w
            CROSS JOIN jsonb_to_recordset(w.payload -> 'lines')
                AS l (product_id uuid, quantity bigint)
            WHERE w.kind = 'return_units' AND w.done_at IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM product.return_lines y
                WHERE y.return_id = w.subject_id AND y.product_id = l.product_id
                    AND y.quantity = l.quantity)
            LIMIT 5)"}
    }
};

}  // namespace

std::span<const Check> ordinary_checks() {
    return checks_of_orders;
}

std::span<const Check> ordinary_stock_checks() {
    return checks_of_stock;
}

}  // namespace cli
