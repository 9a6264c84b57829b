-- Attempts and orders that one unlucky neighbour held up: who fails often comes later, and each
-- sweep counts its limit in orders of its own kind.

-- As pay_claim_due_v1, but an attempt that failed before comes after the others and waits longer
-- each time, up to 64 times p_claim_ms.
CREATE FUNCTION orders.pay_claim_due_v2(p_limit int, p_claim_ms bigint)
RETURNS TABLE (order_id uuid, n int, amount_cents bigint, currency text, refund boolean)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    UPDATE orders.payment_attempts p
    SET due_at = clock_timestamp()
            + p_claim_ms * (1 << least(p.tries, 6)) * interval '1 millisecond',
        tries = p.tries + 1
    FROM (
        SELECT d.order_id, d.n FROM orders.payment_attempts d
        WHERE d.state IN (0, 3, 5) AND d.state <> 0 AND d.due_at <= clock_timestamp()
        ORDER BY d.tries, d.paying_until LIMIT p_limit
        FOR NO KEY UPDATE SKIP LOCKED
    ) c
    WHERE p.order_id = c.order_id AND p.n = c.n
    RETURNING p.order_id, p.n, p.amount_cents, p.currency, p.state = 5;
END $$;

-- Replaced under its name: a question counts no more as a failed void or refund.
CREATE OR REPLACE FUNCTION orders.pay_open_v1(p_limit int, p_age_ms bigint, p_claim_ms bigint)
RETURNS TABLE (order_id uuid, n int, amount_cents bigint, currency text)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    UPDATE orders.payment_attempts p
    SET due_at = clock_timestamp() + p_claim_ms * interval '1 millisecond'
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

-- Replaced under its name, so that a program of the version before is helped too: attempts of
-- ordinary orders, which this can't end, take no place among the p_limit.
CREATE OR REPLACE FUNCTION orders.pay_lapse_v1(p_limit int) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    -- A variable, because the function's value can't be looked up in an index.
    v_now timestamptz := clock_timestamp();
    v_ids uuid[];
    v_count bigint;
BEGIN
    v_ids := ARRAY(
        SELECT p.order_id FROM orders.payment_attempts p
        WHERE p.state IN (0, 3, 5) AND p.state = 0 AND p.paying_until <= v_now
            AND EXISTS (SELECT 1 FROM orders.sale_orders o WHERE o.id = p.order_id)
        ORDER BY p.paying_until LIMIT p_limit
    );
    IF cardinality(v_ids) = 0 THEN
        RETURN 0;
    END IF;
    v_ids := ARRAY(
        SELECT o.id FROM orders.sale_orders o
        WHERE o.id = ANY (v_ids) AND o.state = 1
        ORDER BY o.id FOR NO KEY UPDATE SKIP LOCKED
    );
    v_now := clock_timestamp();
    -- Only now, with the orders locked, are their attempts what they seem.
    WITH lapsed AS (
        UPDATE orders.payment_attempts p SET state = 3, due_at = v_now, changed_at = v_now
        WHERE p.order_id = ANY (v_ids) AND p.state = 0 AND p.paying_until <= v_now
        RETURNING p.order_id
    ), moved AS (
        UPDATE orders.sale_orders o SET state = 0, expires_at = v_now, changed_at = v_now
        FROM lapsed l WHERE o.id = l.order_id AND o.state = 1
        RETURNING o.sale_no, o.id
    ), noted AS (
        INSERT INTO orders.late_holds (sale_no, order_id) SELECT m.sale_no, m.id FROM moved m
    )
    SELECT count(*) INTO v_count FROM lapsed;
    RETURN v_count;
END $$;

-- Replaced under its name, as pay_lapse_v1: only attempts of ordinary orders count, and one that
-- was begun while the order's lock was waited for has its time still.
CREATE OR REPLACE FUNCTION orders.ordinary_sweep_v1(p_limit int) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    -- A variable, because the function's value can't be looked up in an index.
    v_now timestamptz := clock_timestamp();
    v_lapsing uuid[];
    v record;
    v_n int;
    v_count bigint := 0;
BEGIN
    FOR v IN
        SELECT o.id, o.state FROM orders.ordinary_orders o
        WHERE o.state IN (0, 6) AND o.expires_at <= v_now
        ORDER BY o.expires_at LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED
    LOOP
        IF v.state = 6 THEN
            PERFORM orders.ordinary_refuse_v1(v.id, clock_timestamp(), 5, NULL, NULL, true);
        ELSE
            UPDATE orders.ordinary_orders o SET state = 4, changed_at = clock_timestamp()
            WHERE o.id = v.id;
            PERFORM orders.ordinary_event_v1(v.id, clock_timestamp(), 'expired');
            PERFORM orders.ordinary_release_v1(v.id);
        END IF;
        v_count := v_count + 1;
    END LOOP;

    v_lapsing := ARRAY(
        SELECT p.order_id FROM orders.payment_attempts p
        WHERE p.state IN (0, 3, 5) AND p.state = 0 AND p.paying_until <= v_now
            AND EXISTS (SELECT 1 FROM orders.ordinary_orders o WHERE o.id = p.order_id)
        ORDER BY p.paying_until LIMIT p_limit
    );
    FOR v IN
        SELECT o.id FROM orders.ordinary_orders o
        WHERE o.id = ANY (v_lapsing) AND o.state = 1
        ORDER BY o.id FOR NO KEY UPDATE SKIP LOCKED
    LOOP
        -- Only now, with the order locked, is its attempt what it seems.
        UPDATE orders.payment_attempts p
        SET state = 3, due_at = clock_timestamp(), changed_at = clock_timestamp()
        WHERE p.order_id = v.id AND p.state = 0 AND p.paying_until <= v_now
        RETURNING p.n INTO v_n;
        CONTINUE WHEN NOT FOUND;
        UPDATE orders.ordinary_orders o SET state = 4, changed_at = clock_timestamp()
        WHERE o.id = v.id;
        PERFORM orders.ordinary_event_v1(v.id, clock_timestamp(), 'payment_lapsed', v_n);
        PERFORM orders.ordinary_event_v1(v.id, clock_timestamp(), 'expired');
        PERFORM orders.ordinary_release_v1(v.id);
        v_count := v_count + 1;
    END LOOP;
    RETURN v_count;
END $$;

-- ordinary_settled_v1, but an order whose settlement product refused lets go of whatever product
-- still sets aside for it.
CREATE FUNCTION orders.ordinary_settled_v2(p_order uuid, p_accepted boolean) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    v_state int := orders.ordinary_settled_v1(p_order, p_accepted);
BEGIN
    IF v_state = 4 AND NOT p_accepted THEN
        PERFORM orders.ordinary_release_v1(p_order);
    END IF;
    RETURN v_state;
END $$;

-- A replaced function keeps its owner and its grants, and loses all else.
DO $$
DECLARE
    f regprocedure;
    setting text;
BEGIN
    FOREACH f IN ARRAY ARRAY[
        'orders.pay_claim_due_v2(int, bigint)',
        'orders.pay_open_v1(int, bigint, bigint)',
        'orders.pay_lapse_v1(int)',
        'orders.ordinary_sweep_v1(int)',
        'orders.ordinary_settled_v2(uuid, boolean)'
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
