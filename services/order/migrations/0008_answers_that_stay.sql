-- What was answered stays answered: pay and cancel take an Idempotency-Key (optional, so that
-- callers of before go on as they are), and what nobody reads any more is deleted after a while.

-- operation: 1 pay, 2 cancel. A pay is bound by the attempt that it began or found paid: its answer
-- is that attempt's outcome; answer: that outcome as it was before the provider changed its verdict
-- (3 expired, 7 declined), null if it didn't. A cancel is bound by what it was answered while the
-- order could still become something else; refusal: 4 paying, 5 expired, 6 placing, 7 refused; null:
-- the order is to be cancelled or refunded, or was.
CREATE TABLE orders.order_keys (
    customer_id uuid NOT NULL,
    operation smallint NOT NULL CHECK (operation IN (1, 2)),
    key uuid NOT NULL,
    fingerprint uuid NOT NULL,
    order_id uuid NOT NULL,
    attempt_n int,
    answer smallint CHECK (answer IN (3, 7)),
    refusal smallint CHECK (refusal BETWEEN 4 AND 7),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (customer_id, operation, key),
    CHECK (operation = 2 OR refusal IS NULL)
) WITH (fillfactor = 80);
CREATE INDEX order_keys_by_age ON orders.order_keys (created_at);
CREATE INDEX order_keys_of_order ON orders.order_keys (order_id, operation);

-- 6 total_too_large: more than a payment can carry.
ALTER TABLE orders.ordinary_orders
    DROP CONSTRAINT ordinary_orders_refusal_check,
    ADD CONSTRAINT ordinary_orders_refusal_check CHECK (refusal BETWEEN 1 AND 6) NOT VALID;

-- Keys are locked before orders, and in their order, by all that lock both: no circle of waits. Who
-- holds an order and then writes its keys (pay_answer_kept_v1) waits only for those that delete them,
-- who wait for no order.

-- Whether an order has more keys of one operation than anybody needs.
CREATE FUNCTION orders.has_too_many_keys_v1(p_order uuid, p_operation int) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    keys_per_order_max CONSTANT int := 100;
BEGIN
    RETURN keys_per_order_max < (
        SELECT count(*) FROM (
            SELECT FROM orders.order_keys k
            WHERE k.order_id = p_order AND k.operation = p_operation
            LIMIT keys_per_order_max + 1
        ) counted
    );
END $$;

-- A decline that becomes an approval after all, and a lapse that becomes a decline: what was answered
-- under the attempt's keys stays their answer.
CREATE FUNCTION orders.pay_answer_kept_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE orders.order_keys k SET answer = CASE OLD.state WHEN 1 THEN 7 ELSE 3 END
    WHERE k.order_id = NEW.order_id AND k.operation = 1 AND k.attempt_n = NEW.n
        AND k.answer IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER payment_attempts_answer_kept AFTER UPDATE OF state ON orders.payment_attempts
    FOR EACH ROW WHEN (OLD.state IN (1, 3, 4) AND NEW.state IN (1, 5) AND OLD.state <> NEW.state)
    EXECUTE FUNCTION orders.pay_answer_kept_v1();

-- What the attempt that a key is bound to came to, as an answer to the same request once more: 1
-- paid, 2 undecided, 3 expired, 7 declined. A later attempt needs this one to be declined, and a
-- refunded order was paid by its last.
CREATE FUNCTION orders.pay_repeated_v1(p_order uuid, p_n int, p_order_state int) RETURNS int
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN last.n > p_n OR last.state = 1 THEN 7
        WHEN last.state = 0 OR (last.state = 2 AND p_order_state = 1) THEN 2
        WHEN last.state = 2 OR (last.state IN (5, 6) AND p_order_state = 5) THEN 1
        ELSE 3
    END
    FROM orders.payment_attempts last
    WHERE last.order_id = p_order ORDER BY last.n DESC LIMIT 1
$$;

-- pay_begin_v1 with keys; one of zeros is none. outcome: as there, and 7 the key's attempt was
-- declined, 8 the key was used for another request, 9 it is in use right now, ask again.
CREATE FUNCTION orders.pay_begin_v2(
    p_orders uuid[], p_customers uuid[], p_keys uuid[], p_fingerprints uuid[], p_paying_ms bigint
) RETURNS TABLE (outcome int, n int, amount_cents bigint, currency text)
LANGUAGE plpgsql AS $$
DECLARE
    no_key CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    v_keyed bigint[];  -- places of requests with a key, whose customer has the order
    v_fresh bigint[];  -- of those, whose key was not known
    v_slots int[];     -- by place: where its outcome stands in the arrays below
    v_orders uuid[];
    v_customers uuid[];
    v_outcomes int[];
    v_ns int[];
    v_amounts bigint[];
    v_currencies text[];
BEGIN
    IF no_key = ALL (p_keys) THEN
        RETURN QUERY SELECT b.* FROM orders.pay_begin_v1(p_orders, p_customers, p_paying_ms) b;
        RETURN;
    END IF;
    SELECT coalesce(array_agg(r.place), '{}') INTO v_keyed
    FROM unnest(p_orders, p_customers, p_keys) WITH ORDINALITY
        AS r (order_id, customer_id, key, place)
    JOIN orders.sale_orders o ON o.id = r.order_id AND o.customer_id = r.customer_id
    WHERE r.key <> no_key;

    WITH asked AS MATERIALIZED (
        SELECT DISTINCT ON (r.customer_id, r.key) r.*
        FROM unnest(p_orders, p_customers, p_keys, p_fingerprints) WITH ORDINALITY
            AS r (order_id, customer_id, key, fingerprint, place)
        WHERE r.place = ANY (v_keyed)
        ORDER BY r.customer_id, r.key, r.place
    ), bound AS (
        INSERT INTO orders.order_keys AS k (
            customer_id, operation, key, fingerprint, order_id, created_at
        )
        SELECT a.customer_id, 1, a.key, a.fingerprint, a.order_id, clock_timestamp()
        FROM asked a ORDER BY a.customer_id, a.key
        ON CONFLICT DO NOTHING
        RETURNING k.customer_id, k.key
    )
    SELECT coalesce(array_agg(a.place), '{}') INTO v_fresh
    FROM asked a JOIN bound b ON b.customer_id = a.customer_id AND b.key = a.key;

    -- Everybody but those with a known key begins as without one.
    SELECT array_agg(s.slot ORDER BY s.place),
           coalesce(array_agg(s.order_id ORDER BY s.place) FILTER (WHERE s.begins), '{}'),
           coalesce(array_agg(s.customer_id ORDER BY s.place) FILTER (WHERE s.begins), '{}')
    INTO v_slots, v_orders, v_customers
    FROM (
        SELECT b.*, CASE WHEN b.begins
                        THEN (count(*) FILTER (WHERE b.begins) OVER (ORDER BY b.place))::int
                    END AS slot
        FROM (
            SELECT r.*, r.place = ANY (v_fresh) OR r.place <> ALL (v_keyed) AS begins
            FROM unnest(p_orders, p_customers) WITH ORDINALITY AS r (order_id, customer_id, place)
        ) b
    ) s;
    SELECT array_agg(b.outcome ORDER BY b.place), array_agg(b.n ORDER BY b.place),
           array_agg(b.amount_cents ORDER BY b.place), array_agg(b.currency ORDER BY b.place)
    INTO v_outcomes, v_ns, v_amounts, v_currencies
    FROM orders.pay_begin_v1(v_orders, v_customers, p_paying_ms) WITH ORDINALITY
        AS b (outcome, n, amount_cents, currency, place);

    -- Only an attempt binds a key. n is the next one's, so a paid order was paid by the one before;
    -- that it was paid is answered without a key too, when it has too many.
    UPDATE orders.order_keys k
    SET attempt_n = v_ns[v_slots[f.place]] - v_outcomes[v_slots[f.place]]
    FROM unnest(v_fresh) AS f (place)
    WHERE k.customer_id = p_customers[f.place] AND k.operation = 1 AND k.key = p_keys[f.place]
        AND v_outcomes[v_slots[f.place]] IN (0, 1);
    DELETE FROM orders.order_keys k USING unnest(v_fresh) AS f (place)
    WHERE k.customer_id = p_customers[f.place] AND k.operation = 1 AND k.key = p_keys[f.place]
        AND (v_outcomes[v_slots[f.place]] NOT IN (0, 1)
             OR v_outcomes[v_slots[f.place]] = 1 AND orders.has_too_many_keys_v1(k.order_id, 1));

    RETURN QUERY
    SELECT CASE
               WHEN v_slots[r.place] IS NOT NULL THEN v_outcomes[v_slots[r.place]]
               WHEN k.key IS NULL THEN 9
               WHEN k.fingerprint <> r.fingerprint THEN 8
               ELSE coalesce(
                   k.answer, orders.pay_repeated_v1(k.order_id, k.attempt_n, o.state), 9)
           END,
           v_ns[v_slots[r.place]], v_amounts[v_slots[r.place]], v_currencies[v_slots[r.place]]
    FROM unnest(p_customers, p_keys, p_fingerprints) WITH ORDINALITY
        AS r (customer_id, key, fingerprint, place)
    LEFT JOIN orders.order_keys k
        ON v_slots[r.place] IS NULL AND k.customer_id = r.customer_id AND k.operation = 1
        AND k.key = r.key
    LEFT JOIN orders.sale_orders o ON o.id = k.order_id
    ORDER BY r.place;
END $$;

-- ordinary_pay_begin_v1 with a key, or null. outcome: as there, and 9 the key's attempt was
-- declined, 10 the key was used for another request, 11 it is in use right now, ask again.
CREATE FUNCTION orders.ordinary_pay_begin_v2(
    p_order uuid, p_customer uuid, p_key uuid, p_fingerprint uuid, p_paying_ms bigint,
    OUT outcome int, OUT n int, OUT amount_cents bigint, OUT currency text
) LANGUAGE plpgsql AS $$
DECLARE
    v_key orders.order_keys;
BEGIN
    IF p_key IS NOT NULL THEN
        INSERT INTO orders.order_keys (
            customer_id, operation, key, fingerprint, order_id, created_at
        ) VALUES (p_customer, 1, p_key, p_fingerprint, p_order, clock_timestamp())
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            SELECT k.* INTO v_key FROM orders.order_keys k
            WHERE k.customer_id = p_customer AND k.operation = 1 AND k.key = p_key;
            outcome := CASE
                WHEN v_key.key IS NULL THEN 11
                WHEN v_key.fingerprint <> p_fingerprint THEN 10
                ELSE (
                    SELECT CASE r.repeated WHEN 7 THEN 9 ELSE coalesce(r.repeated, 11) END
                    FROM (
                        SELECT coalesce(v_key.answer, orders.pay_repeated_v1(
                            v_key.order_id, v_key.attempt_n, (
                                SELECT o.state FROM orders.ordinary_orders o WHERE o.id = p_order
                            )
                        )) AS repeated
                    ) r
                )
            END;
            RETURN;
        END IF;
    END IF;
    SELECT b.outcome, b.n, b.amount_cents, b.currency
    INTO outcome, n, amount_cents, currency
    FROM orders.ordinary_pay_begin_v1(p_order, p_customer, p_paying_ms) b;
    IF p_key IS NULL THEN
        RETURN;
    END IF;
    IF outcome = 0 OR (outcome = 1 AND NOT orders.has_too_many_keys_v1(p_order, 1)) THEN
        UPDATE orders.order_keys k SET attempt_n = (
            SELECT max(p.n) FROM orders.payment_attempts p WHERE p.order_id = p_order)
        WHERE k.customer_id = p_customer AND k.operation = 1 AND k.key = p_key;
    ELSE
        DELETE FROM orders.order_keys k
        WHERE k.customer_id = p_customer AND k.operation = 1 AND k.key = p_key;
    END IF;
END $$;

-- The provider was never asked about the attempt, so that it answers nothing: the key is free.
CREATE FUNCTION orders.pay_unbind_v1(p_customer uuid, p_key uuid, p_n int) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM orders.order_keys k
    WHERE k.customer_id = p_customer AND k.operation = 1 AND k.key = p_key AND k.attempt_n = p_n
$$;

-- The cancel of an order of a sale, up to where its units go back through the sale's row, and again
-- after that said no. What the key was first asked for is what it can come to: a key that found the
-- order unpaid never refunds it, however late its request comes to the row. p_again: the row said
-- no; that looks at the key and begins nothing. What a final state answers binds no key. outcome: 0
-- give its units back, 1 that was done, 3 refunded (now or before), 4 paying, 5 expired, 8 no such
-- order of this customer, 9 the key was used for another request, 10 it is in use right now, ask
-- again, 11 the order has too many keys.
CREATE FUNCTION orders.sale_order_cancel_v1(
    p_order uuid, p_customer uuid, p_key uuid, p_fingerprint uuid, p_again boolean, OUT outcome int
) LANGUAGE plpgsql AS $$
DECLARE
    v_key orders.order_keys;
    v_state smallint;
    v_is_new boolean := false;
BEGIN
    IF NOT p_again THEN
        INSERT INTO orders.order_keys (
            customer_id, operation, key, fingerprint, order_id, created_at
        ) VALUES (p_customer, 2, p_key, p_fingerprint, p_order, clock_timestamp())
        ON CONFLICT DO NOTHING;
        v_is_new := FOUND;
    END IF;
    IF NOT v_is_new THEN
        SELECT k.* INTO v_key FROM orders.order_keys k
        WHERE k.customer_id = p_customer AND k.operation = 2 AND k.key = p_key
        FOR NO KEY UPDATE;
        outcome := CASE
            WHEN NOT FOUND THEN 10
            WHEN v_key.fingerprint <> p_fingerprint THEN 9
            ELSE v_key.refusal
        END;
        -- An earlier try may have been on its way to the row already.
        IF outcome = 4 AND EXISTS (
            SELECT FROM orders.sale_orders o
            WHERE o.id = p_order AND o.customer_id = p_customer AND o.state = 3
        ) THEN
            outcome := 1;
        END IF;
        IF outcome IS NOT NULL THEN
            RETURN;
        END IF;
    END IF;
    SELECT o.state INTO v_state FROM orders.sale_orders o
    WHERE o.id = p_order AND o.customer_id = p_customer FOR NO KEY UPDATE;
    outcome := CASE v_state
        WHEN 0 THEN 0 WHEN 1 THEN 4 WHEN 3 THEN 1 WHEN 4 THEN 5 WHEN 5 THEN 3
        WHEN 2 THEN CASE WHEN v_is_new THEN 3 ELSE 4 END
        ELSE 8
    END;
    IF v_is_new AND v_state IN (0, 1, 2) AND orders.has_too_many_keys_v1(p_order, 2) THEN
        outcome := 11;
    END IF;
    IF outcome = 3 AND v_state = 2 THEN
        PERFORM orders.pay_refund_v1(p_order, p_customer);
    ELSIF outcome IN (8, 11) OR (v_is_new AND v_state IN (3, 4, 5)) THEN
        DELETE FROM orders.order_keys k
        WHERE k.customer_id = p_customer AND k.operation = 2 AND k.key = p_key;
    ELSIF outcome IN (4, 5) THEN
        UPDATE orders.order_keys k SET refusal = sale_order_cancel_v1.outcome
        WHERE k.customer_id = p_customer AND k.operation = 2 AND k.key = p_key;
    END IF;
END $$;

-- The cancel certainly never came to the sale's row and was answered nothing: its key is free.
CREATE FUNCTION orders.cancel_unbind_v1(p_customer uuid, p_key uuid) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM orders.order_keys k
    WHERE k.customer_id = p_customer AND k.operation = 2 AND k.key = p_key AND k.refusal IS NULL
$$;

-- ordinary_cancel_v1 with a key; what a final state answers binds none. outcome: as there, and 9 the
-- key was used for another request, 10 it is in use right now, ask again, 11 the order has too many.
CREATE FUNCTION orders.ordinary_cancel_v2(
    p_order uuid, p_customer uuid, p_key uuid, p_fingerprint uuid, OUT outcome int
) LANGUAGE plpgsql AS $$
DECLARE
    v_key orders.order_keys;
BEGIN
    INSERT INTO orders.order_keys (customer_id, operation, key, fingerprint, order_id, created_at)
    VALUES (p_customer, 2, p_key, p_fingerprint, p_order, clock_timestamp())
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT k.* INTO v_key FROM orders.order_keys k
        WHERE k.customer_id = p_customer AND k.operation = 2 AND k.key = p_key;
        outcome := CASE
            WHEN NOT FOUND THEN 10
            WHEN v_key.fingerprint <> p_fingerprint THEN 9
            WHEN v_key.refusal IS NOT NULL THEN v_key.refusal
            ELSE (
                SELECT CASE o.state WHEN 3 THEN 1 WHEN 5 THEN 3 ELSE 10 END
                FROM orders.ordinary_orders o WHERE o.id = p_order
            )
        END;
        RETURN;
    END IF;
    IF orders.has_too_many_keys_v1(p_order, 2) THEN
        outcome := coalesce((
            SELECT CASE o.state WHEN 3 THEN 1 WHEN 5 THEN 3 WHEN 4 THEN 5 ELSE 11 END
            FROM orders.ordinary_orders o WHERE o.id = p_order AND o.customer_id = p_customer
        ), 8);
    ELSE
        outcome := orders.ordinary_cancel_v1(p_order, p_customer);
    END IF;
    IF outcome IN (1, 3, 5, 8, 11) THEN
        DELETE FROM orders.order_keys k
        WHERE k.customer_id = p_customer AND k.operation = 2 AND k.key = p_key;
    ELSIF outcome >= 4 THEN
        UPDATE orders.order_keys k SET refusal = ordinary_cancel_v2.outcome
        WHERE k.customer_id = p_customer AND k.operation = 2 AND k.key = p_key;
    END IF;
END $$;

-- ordinary_reserved_v1, but what product set aside for an attempt that is over meanwhile is let go:
-- an ask may have travelled for long after another one of the same attempt was refused.
CREATE FUNCTION orders.ordinary_reserved_v2(
    p_order uuid, p_attempt int, p_products uuid[], p_names text[], p_prices_cents bigint[],
    p_currency text, p_expires_at timestamptz
) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF orders.ordinary_reserved_v1(
        p_order, p_attempt, p_products, p_names, p_prices_cents, p_currency, p_expires_at
    ) THEN
        RETURN true;
    END IF;
    INSERT INTO orders.work_items (kind, subject_id, payload)
    SELECT 'release_reservation', orders.ordinary_reservation_v1(p_order, p_attempt),
           jsonb_build_object('order_id', p_order, 'lines', (
               SELECT jsonb_agg(jsonb_build_object('product_id', l.product_id, 'quantity', 0)
                                ORDER BY l.product_id)
               FROM unnest(p_products) AS l (product_id)
           ))
    FROM orders.ordinary_orders o
    WHERE o.id = p_order AND (o.attempt <> p_attempt OR o.state = 7)
    ON CONFLICT (kind, subject_id) DO NOTHING;
    RETURN false;
END $$;

-- Deletes up to p_limit keys, and as many releases that product has confirmed, that are older than
-- p_keys_ms and p_releases_ms. Returns how many it deleted of whichever were more.
CREATE FUNCTION orders.prune_v1(p_limit int, p_keys_ms bigint, p_releases_ms bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    -- Variables, because a function's value can't be looked up in an index.
    v_keys_before timestamptz := clock_timestamp() - p_keys_ms * interval '1 millisecond';
    v_releases_before timestamptz := clock_timestamp() - p_releases_ms * interval '1 millisecond';
    v_keys bigint;
    v_releases bigint;
BEGIN
    WITH old AS MATERIALIZED (
        SELECT k.customer_id, k.operation, k.key FROM orders.order_keys k
        WHERE k.created_at < v_keys_before
        ORDER BY k.created_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    )
    DELETE FROM orders.order_keys k USING old
    WHERE k.customer_id = old.customer_id AND k.operation = old.operation AND k.key = old.key;
    GET DIAGNOSTICS v_keys = ROW_COUNT;
    WITH old AS MATERIALIZED (
        SELECT w.id FROM orders.work_items w
        WHERE w.kind = 'release_reservation' AND w.done_at IS NOT NULL
            AND w.done_at < v_releases_before
        ORDER BY w.done_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    )
    DELETE FROM orders.work_items w USING old WHERE w.id = old.id;
    GET DIAGNOSTICS v_releases = ROW_COUNT;
    RETURN greatest(v_keys, v_releases);
END $$;

GRANT SELECT ON orders.order_keys TO orders, auditor;

DO $$
DECLARE
    f regprocedure;
    setting text;
BEGIN
    FOREACH f IN ARRAY ARRAY[
        'orders.pay_repeated_v1(uuid, int, int)',
        'orders.pay_begin_v2(uuid[], uuid[], uuid[], uuid[], bigint)',
        'orders.ordinary_pay_begin_v2(uuid, uuid, uuid, uuid, bigint)',
        'orders.pay_unbind_v1(uuid, uuid, int)',
        'orders.sale_order_cancel_v1(uuid, uuid, uuid, uuid, boolean)',
        'orders.cancel_unbind_v1(uuid, uuid)',
        'orders.has_too_many_keys_v1(uuid, int)',
        'orders.pay_answer_kept_v1()',
        'orders.ordinary_cancel_v2(uuid, uuid, uuid, uuid)',
        'orders.ordinary_reserved_v2(uuid, int, uuid[], text[], bigint[], text, timestamptz)',
        'orders.prune_v1(int, bigint, bigint)'
    ]::regprocedure[] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, pg_temp', f);
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER', f);
        -- Part of the others.
        CONTINUE WHEN f::text ~ 'pay_repeated_v1|has_too_many_keys_v1|pay_answer_kept_v1';
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO orders', f);
        EXECUTE format('ALTER FUNCTION %s SET plan_cache_mode = force_generic_plan', f);
        FOREACH setting IN ARRAY ARRAY[
            'enable_seqscan', 'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin', 'jit'
        ] LOOP
            EXECUTE format('ALTER FUNCTION %s SET %s = off', f, setting);
        END LOOP;
    END LOOP;
END $$;
