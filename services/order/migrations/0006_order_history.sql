-- What happened to an order of either kind, oldest first, for its customer and for the auditor. An
-- ordinary order's events are stored; a flash sale's are read off its batches and payment attempts,
-- so that a purchase writes nothing for them: of an attempt that has moved on only the last state
-- has a time. place: the order of what happened in one transaction, and so at one moment.
CREATE FUNCTION orders.order_history_v1(p_order uuid)
RETURNS TABLE (at timestamptz, place bigint, kind text, payment_n int, refusal smallint,
               refused_product uuid, available bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    WITH wanted AS MATERIALIZED (
        SELECT o.* FROM orders.sale_orders o WHERE o.id = p_order
    ), happened AS (
        SELECT e.at, e.event_no AS place, e.kind, e.payment_n, e.refusal, e.refused_product,
               e.available
        FROM orders.ordinary_order_events e WHERE e.order_id = p_order
        UNION ALL
        SELECT b.at, 0, 'reserved', NULL, NULL, NULL, NULL
        FROM wanted o JOIN orders.sale_batches b ON b.sale_no = o.sale_no AND b.seq = o.seq
        UNION ALL
        SELECT p.created_at, 0, 'payment_started', p.n, NULL, NULL, NULL
        FROM wanted o JOIN orders.payment_attempts p ON p.order_id = o.id
        UNION ALL
        SELECT p.changed_at, 2, CASE p.state
                   WHEN 1 THEN 'payment_declined' WHEN 2 THEN 'payment_approved'
                   WHEN 3 THEN 'payment_lapsed' ELSE 'refund_due' END,
               p.n, NULL, NULL, NULL
        FROM wanted o JOIN orders.payment_attempts p ON p.order_id = o.id
        WHERE p.state IN (1, 2, 3, 5)
        UNION ALL
        SELECT o.changed_at, 3, 'paid', NULL, NULL, NULL, NULL FROM wanted o WHERE o.state = 2
        UNION ALL
        SELECT b.at, 1, CASE o.state WHEN 3 THEN 'cancelled' ELSE 'expired' END,
               NULL, NULL, NULL, NULL
        FROM wanted o
        JOIN orders.sale_batches b ON b.sale_no = o.sale_no AND b.seq = o.returned_seq
        UNION ALL
        SELECT o.changed_at, 1, 'cancelled', NULL, NULL, NULL, NULL FROM wanted o WHERE o.state = 5
        UNION ALL
        SELECT p.changed_at, 9223372036854775806,
               CASE p.state WHEN 4 THEN 'payment_voided' ELSE 'refunded' END,
               p.n, NULL, NULL, NULL
        FROM orders.payment_attempts p WHERE p.order_id = p_order AND p.state IN (4, 6)
        UNION ALL
        SELECT w.done_at, 9223372036854775807, 'returned', NULL, NULL, NULL, NULL
        FROM orders.work_items w
        WHERE w.kind = 'return_units' AND w.subject_id = p_order AND w.done_at IS NOT NULL
    )
    SELECT h.at, h.place, h.kind, h.payment_n, h.refusal, h.refused_product, h.available
    FROM happened h ORDER BY h.at, h.place;
END $$;

-- ordinary_pay_finish_v1, but an approval of an attempt that was declined or voided before is money
-- that the provider took all the same: it goes back.
CREATE FUNCTION orders.ordinary_pay_finish_v2(
    p_order uuid, p_n int, p_verdict int, p_drive_ms bigint, OUT outcome int
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM orders.ordinary_orders o WHERE o.id = p_order FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        outcome := 5;
        RETURN;
    END IF;
    UPDATE orders.payment_attempts p
    SET state = 5, due_at = clock_timestamp(), changed_at = clock_timestamp()
    WHERE p_verdict = 0 AND p.order_id = p_order AND p.n = p_n AND p.state IN (1, 4);
    IF FOUND THEN
        PERFORM orders.ordinary_event_v1(p_order, clock_timestamp(), 'refund_due', p_n);
    END IF;
    outcome := orders.ordinary_pay_finish_v1(p_order, p_n, p_verdict, p_drive_ms);
END $$;

DO $$
DECLARE
    f regprocedure;
    setting text;
BEGIN
    FOREACH f IN ARRAY ARRAY[
        'orders.order_history_v1(uuid)'::regprocedure,
        'orders.ordinary_pay_finish_v2(uuid, int, int, bigint)'::regprocedure
    ] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO orders', f);
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER', f);
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, pg_temp', f);
        EXECUTE format('ALTER FUNCTION %s SET plan_cache_mode = force_generic_plan', f);
        FOREACH setting IN ARRAY ARRAY[
            'enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'jit'
        ] LOOP
            EXECUTE format('ALTER FUNCTION %s SET %s = off', f, setting);
        END LOOP;
    END LOOP;
    GRANT EXECUTE ON FUNCTION orders.order_history_v1 TO auditor;
END $$;
