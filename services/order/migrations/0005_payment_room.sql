-- The payment provider has become a room of its own: verdicts also come by webhook, late, twice, or
-- because somebody asked for them, and paid orders may be refunded. sandbox.charges is that room's
-- now; this room's rights on it (0003) stay until the next release, as pods of the former one still
-- write there.

-- As pay_finish_v1, and two things more. An attempt whose order is none of a sale is answered 3 and
-- left alone: it is somebody else's. And money always finds its way back: an approval of an attempt
-- that was closed without money (declined, voided) makes it due back too, whatever our own book
-- said.
CREATE FUNCTION orders.pay_finish_v2(p_orders uuid[], p_ns int[], p_verdicts int[])
RETURNS TABLE (outcome int)
LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz;
BEGIN
    PERFORM 1 FROM orders.sale_orders o
    WHERE o.id = ANY (p_orders) ORDER BY o.id FOR NO KEY UPDATE;
    PERFORM 1 FROM orders.payment_attempts p
    WHERE p.order_id = ANY (p_orders) ORDER BY p.order_id, p.n FOR NO KEY UPDATE;
    v_now := clock_timestamp();
    RETURN QUERY
    WITH seen AS MATERIALIZED (
        SELECT r.place, p.order_id, p.n, p.state AS was, r.turn,
               coalesce(o.state = 1 AND p.state = 0, false) AS current,
               CASE
                   WHEN p.state IS NULL OR o.id IS NULL THEN NULL
                   WHEN p.state IN (2, 5, 6) THEN p.state
                   WHEN p.state IN (1, 4) THEN CASE WHEN r.verdict = 0 THEN 5 ELSE p.state END
                   WHEN r.verdict = 1 THEN 1
                   WHEN o.state = 1 AND p.state = 0 THEN 2
                   ELSE 5
               END AS becomes
        FROM (
            -- The same attempt twice in one call: one verdict counts, an approval rather than not.
            SELECT a.*, row_number() OVER (
                       PARTITION BY a.order_id, a.n ORDER BY a.verdict, a.place
                   ) AS turn
            FROM unnest(p_orders, p_ns, p_verdicts) WITH ORDINALITY
                AS a (order_id, n, verdict, place)
        ) r
        LEFT JOIN orders.payment_attempts p ON p.order_id = r.order_id AND p.n = r.n
        LEFT JOIN orders.sale_orders o ON o.id = r.order_id
    ), ended AS (
        UPDATE orders.payment_attempts p SET state = f.becomes, due_at = v_now, changed_at = v_now
        FROM seen f
        WHERE p.order_id = f.order_id AND p.n = f.n AND f.becomes <> f.was AND f.turn = 1
    ), moved AS (
        UPDATE orders.sale_orders o
        SET state = CASE WHEN f.becomes = 2 THEN 2 ELSE 0 END, changed_at = v_now
        FROM seen f
        WHERE o.id = f.order_id AND f.current AND f.becomes IN (1, 2) AND f.turn = 1
        RETURNING o.sale_no, o.id, o.seq, o.state
    ), noted AS (
        INSERT INTO orders.late_holds (sale_no, order_id)
        SELECT m.sale_no, m.id FROM moved m JOIN orders.sale_units u ON u.sale_no = m.sale_no
        WHERE m.state = 0 AND m.seq <= u.reclaimed_seq
    )
    SELECT CASE
               WHEN f.becomes IS NULL THEN 3
               WHEN f.counts = 2 THEN 0
               WHEN f.counts IN (1, 4) THEN 1
               ELSE 2
           END
    FROM (
        SELECT s.*, first_value(s.becomes) OVER (
                   PARTITION BY s.order_id, s.n ORDER BY s.turn
               ) AS counts
        FROM seen s
    ) f ORDER BY f.place;
END $$;

-- Open attempts that began more than p_age_ms ago, for p_claim_ms this caller's: their verdict got
-- lost, or is late, and the provider can be asked for it.
CREATE FUNCTION orders.pay_open_v1(p_limit int, p_age_ms bigint, p_claim_ms bigint)
RETURNS TABLE (order_id uuid, n int, amount_cents bigint, currency text)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    UPDATE orders.payment_attempts p
    SET due_at = clock_timestamp() + p_claim_ms * interval '1 millisecond', tries = p.tries + 1
    FROM (
        SELECT d.order_id, d.n FROM orders.payment_attempts d
        WHERE d.state IN (0, 3, 5) AND d.state = 0 AND d.due_at <= clock_timestamp()
            AND d.created_at <= clock_timestamp() - p_age_ms * interval '1 millisecond'
        ORDER BY d.paying_until LIMIT p_limit
        FOR NO KEY UPDATE SKIP LOCKED
    ) c
    WHERE p.order_id = c.order_id AND p.n = c.n
    RETURNING p.order_id, p.n, p.amount_cents, p.currency;
END $$;

-- Refunds a paid order of a sale for its buyer: the order, the money that is due back and the units
-- that go to product's stock, in one transaction. No unit comes back to the sale: a refunded order
-- counts as sold and toward the limits, before settlement and after it. paid and refunded are both
-- final, so what sale_walk_final_v1 found final stays so. outcome: 0 it is refunded (now or before),
-- 1 it is not paid, 2 the customer has no such order.
CREATE FUNCTION orders.pay_refund_v1(p_order uuid, p_customer uuid, OUT outcome int)
LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz;
    v record;
BEGIN
    SELECT o.state, o.quantity, s.product_id INTO v
    FROM orders.sale_orders o JOIN orders.sales s ON s.sale_no = o.sale_no
    WHERE o.id = p_order AND o.customer_id = p_customer
    FOR NO KEY UPDATE OF o;
    outcome := CASE WHEN NOT FOUND THEN 2 WHEN v.state IN (2, 5) THEN 0 ELSE 1 END;
    IF outcome <> 0 OR v.state = 5 THEN
        RETURN;
    END IF;
    v_now := clock_timestamp();
    UPDATE orders.payment_attempts p SET state = 5, due_at = v_now, changed_at = v_now
    WHERE p.order_id = p_order AND p.state = 2;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'order % is paid by no attempt', p_order
            USING ERRCODE = 'data_corrupted';
    END IF;
    UPDATE orders.sale_orders o SET state = 5, changed_at = v_now WHERE o.id = p_order;
    INSERT INTO orders.work_items (kind, subject_id, payload)
    VALUES ('return_units', p_order, jsonb_build_object('lines', jsonb_build_array(
        jsonb_build_object('product_id', v.product_id, 'quantity', v.quantity))))
    ON CONFLICT (kind, subject_id) DO NOTHING;
END $$;

DO $$
DECLARE
    f regprocedure;
    setting text;
BEGIN
    FOREACH f IN ARRAY ARRAY[
        'orders.pay_finish_v2(uuid[], int[], int[])',
        'orders.pay_open_v1(int, bigint, bigint)',
        'orders.pay_refund_v1(uuid, uuid)'
    ]::regprocedure[] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO orders', f);
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, pg_temp', f);
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER', f);
        EXECUTE format('ALTER FUNCTION %s SET plan_cache_mode = force_generic_plan', f);
        FOREACH setting IN ARRAY ARRAY[
            'enable_seqscan', 'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin', 'jit'
        ] LOOP
            EXECUTE format('ALTER FUNCTION %s SET %s = off', f, setting);
        END LOOP;
    END LOOP;
END $$;
