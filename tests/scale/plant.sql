-- A settled sale of :orders orders as the shop would have left it: 250 orders a batch, a batch each
-- 10 ms. Of ten orders eight are paid (one of them at the second attempt), one is cancelled a batch
-- later and one expires after its hold of a second. The last unit goes with the last batch of
-- takes; what comes back afterwards is released. Each customer bought twice.
\set sale '00000000-0000-7000-8000-000000000001'
\set product '00000000-0000-7000-8000-000000000002'
\set somebody '00000000-0000-7000-8000-000000000003'
\set per_batch 250
\set hold_batches 100
SET synchronous_commit = off;
SET maintenance_work_mem = '256MB';

CREATE TEMP TABLE made AS
SELECT :orders::bigint AS orders, :orders / :per_batch AS batches,
       date_trunc('second', now()) - interval '1 hour' AS began,
       -- Not back yet when the last unit goes: one batch's cancelled, a hold's expired orders.
       :orders / 10 * 8 + (1 + :hold_batches) * :per_batch / 10 AS allotted;

CREATE TEMP TABLE bought AS
SELECT i, 2 + i / :per_batch AS seq, (1 + i % :per_batch)::smallint AS pos,
       began + (2 + i / :per_batch) * interval '10 ms' AS at,
       CASE i % 10 WHEN 8 THEN 3 WHEN 9 THEN 4 ELSE 2 END::smallint AS state,
       CASE i % 10 WHEN 8 THEN 3 + i / :per_batch
                   WHEN 9 THEN 2 + i / :per_batch + :hold_batches END AS returned_seq,
       (lpad(to_hex((extract(epoch FROM began) * 1000)::bigint + i / 25), 12, '0') || '7'
           || substr(md5(i::text), 1, 3) || '8' || substr(md5(i::text), 4, 15))::uuid AS id,
       md5('customer ' || i % (orders / 2))::uuid AS customer_id,
       encode(substr(sha256(('key-' || i)::bytea), 1, 16), 'hex')::uuid AS key
FROM made, generate_series(0, :orders - 1) AS i;

INSERT INTO orders.sales (id, product_id, name, unit_price_cents, currency, allotted,
    units_per_customer, holds_per_customer, hold_ms, starts_at, ends_at, created_by, created_key,
    fingerprint, created_at)
SELECT :'sale', :'product', 'large', 1999, 'EUR', allotted, 2, 3, 1000, began,
       began + interval '50 minutes', :'somebody', :'somebody', :'somebody', began FROM made;

INSERT INTO orders.sale_orders
SELECT b.at + interval '1 s', b.at + interval '5 ms', b.seq, b.returned_seq, 1999, s.sale_no, 1,
       b.pos, b.state, b.id, b.customer_id, b.key, b.key
FROM bought b, orders.sales s ORDER BY b.i;

INSERT INTO orders.sale_batches
    (seq, fence, at, sale_no, remaining_after, kind, mode, state_after, sold_out_after, taken,
     returned)
SELECT n.seq, 1, m.began + n.seq * interval '10 ms', s.sale_no,
       m.allotted - sum(coalesce(cardinality(t.ids), 0) - coalesce(cardinality(r.ids), 0))
           OVER (ORDER BY n.seq),
       0, 0, 2, false, coalesce(t.ids, '{}'), coalesce(r.ids, '{}')
FROM made m CROSS JOIN orders.sales s
CROSS JOIN LATERAL generate_series(2, m.batches + 1 + :hold_batches) AS n (seq)
LEFT JOIN (SELECT seq, array_agg(id ORDER BY pos) AS ids FROM bought GROUP BY seq) t USING (seq)
LEFT JOIN (SELECT returned_seq AS seq, array_agg(id ORDER BY id) AS ids FROM bought
           WHERE returned_seq IS NOT NULL GROUP BY returned_seq) r USING (seq);

INSERT INTO orders.sale_batches
    (seq, fence, at, sale_no, remaining_after, kind, mode, state_after, sold_out_after)
SELECT CASE kind WHEN 1 THEN 1 WHEN 4 THEN last + 1 ELSE last + 2 END, CASE kind WHEN 1 THEN 0 ELSE 1 END,
       m.began + CASE kind WHEN 1 THEN 1 WHEN 4 THEN last + 1 ELSE last + 2 END * interval '10 ms',
       s.sale_no,
       CASE kind WHEN 1 THEN m.allotted WHEN 4 THEN m.allotted - m.orders / 10 * 8 ELSE 0 END,
       kind, 0, CASE kind WHEN 1 THEN 2 ELSE kind END, false
FROM made m, orders.sales s, unnest(ARRAY[1, 4, 5]) AS kind,
     LATERAL (SELECT m.batches + 1 + :hold_batches AS last) l;

INSERT INTO orders.sale_units (sale_no, state, fence, seq, remaining, reclaimed_seq, final_seq,
    sold, released)
SELECT s.sale_no, 5, 1, m.batches + 3 + :hold_batches, 0, m.batches + 1, m.batches + 1,
       m.orders / 10 * 8, m.allotted - m.orders / 10 * 8
FROM made m, orders.sales s;

-- The eighth of ten was declined at first.
CREATE TEMP TABLE asked AS
SELECT id, n, at, CASE WHEN i % 10 = 7 AND n = 1 THEN 1 ELSE 2 END AS state
FROM bought, generate_series(1, 2) AS n
WHERE i % 10 < 8 AND n <= CASE WHEN i % 10 = 7 THEN 2 ELSE 1 END;
INSERT INTO orders.payment_attempts
    (order_id, n, state, amount_cents, currency, paying_until, due_at, created_at, changed_at)
SELECT id, n, state, 1999, 'EUR', at + interval '1 min', at, at, at + interval '5 ms' FROM asked;
INSERT INTO sandbox.charges
SELECT id || ':' || n, 1999, 'EUR', CASE state WHEN 1 THEN 'declined' ELSE 'charged' END
FROM asked;

INSERT INTO orders.work_items (kind, subject_id, payload, done_at)
SELECT 'settle_reservation', :'sale', jsonb_build_object('sold', orders / 10 * 8), now() FROM made;
INSERT INTO product.products (id, name, description, category, price_cents, currency, image, stock,
    created_by)
SELECT :'product', 'lamp', '', 'home', 1999, 'EUR', '', allotted - orders / 10 * 8, 't' FROM made;
INSERT INTO product.reservations (id, purpose, state, closed_at, created_by)
VALUES (:'sale', 'flash_sale', 'settled', now(), 't');
INSERT INTO product.reservation_lines
SELECT :'sale', :'product', allotted, orders / 10 * 8 FROM made;
INSERT INTO product.stock_ledger (product_id, kind, quantity, stock_after, reserved_after, actor)
SELECT :'product', kind, CASE kind WHEN 'settle_sold' THEN sold WHEN 'release' THEN allotted - sold
                         ELSE allotted END, 0, 0, 't'
FROM made, LATERAL (SELECT orders / 10 * 8 AS sold) s,
     unnest(ARRAY['initial', 'reserve', 'settle_sold', 'release']) AS kind;
-- As autovacuum would leave it.
VACUUM ANALYZE;

-- What its crowd wrote down: two lines an order.
CREATE TEMP VIEW exchanges AS
WITH moments AS (
    SELECT b.*, (extract(epoch FROM at) * 1000000)::bigint AS us FROM bought b
), last AS (
    SELECT taking_seq, ended_seq, began_us + taking_seq * 10000 AS taking_us,
           began_us + ended_seq * 10000 AS ended_us
    FROM (SELECT batches + 1 AS taking_seq, batches + 2 + :hold_batches AS ended_seq,
                 (extract(epoch FROM began) * 1000000)::bigint AS began_us FROM made) n
)
SELECT us - 5000 AS sent_us, us + 2000 AS answered_us, 'take' AS kind, :'sale' AS sale_id,
       customer_id, 'key-' || i AS key, '1' AS quantity, id::text AS order_id, 201 AS status,
       '-' AS code, seq::text AS seq, pos::text AS pos, '-' AS remaining,
       '1999' AS unit_price_cents
FROM moments
UNION ALL
SELECT us + 3000, us + 6000, CASE WHEN i % 10 = 8 THEN 'cancel' ELSE 'pay' END, :'sale',
       customer_id, '-', '-', id::text, 200, '-', '-', '-', '-', '-'
FROM moments WHERE i % 10 < 9
UNION ALL
SELECT taking_us - 5000, taking_us + 2000, 'take', :'sale', customer_id, 'late-' || i, '1', '-',
       409, 'none_left_now', taking_seq::text, (251 + i % 1000)::text, '0', '-'
FROM moments, last WHERE i % 20 = 0
UNION ALL
SELECT ended_us + 5000, ended_us + 8000, 'take', :'sale', customer_id, 'over-' || i, '1', '-', 409,
       'sale_over', ended_seq::text, '-', '-', '-'
FROM moments, last WHERE i % 20 = 1;
