-- Ordinary orders: several products at product's prices, held by one reservation at product. They
-- have tables of their own, because a flash sale's are shaped by its one row; payment attempts and
-- work items are shared. Product is another room: whatever is asked of it is committed here first,
-- and a worker of any pod drives on what a request or a dead pod left behind.

-- state: as of sale_orders (0 reserved, 1 paying, 2 paid, 3 cancelled, 4 expired, 5 refunded), and
-- 6 placing (product has not answered yet), 7 refused (product has no such units).
CREATE TABLE orders.ordinary_orders (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL,
    key uuid NOT NULL,
    fingerprint uuid NOT NULL,
    state smallint NOT NULL CHECK (state BETWEEN 0 AND 7),
    -- How often it was tried to place it: a refused order may be placed again under its key, with
    -- a reservation of its own each time.
    attempt int NOT NULL DEFAULT 1 CHECK (attempt > 0),
    reservation_id uuid NOT NULL UNIQUE,
    -- Whether product may have been asked for this attempt's units more than once: one ask may find
    -- units that another one, whose refusal came first, did not.
    asked_again boolean NOT NULL DEFAULT false,
    -- Frozen with the reservation, as are the names and prices of the lines.
    total_cents bigint CHECK (total_cents >= 0),
    currency text CHECK (currency ~ '^[A-Z]{3}$'),
    -- Placing: when it is given up. From reserved on: when product lets the units go.
    expires_at timestamptz NOT NULL,
    -- Placing, or paying and approved: when a worker may ask product about it.
    due_at timestamptz NOT NULL,
    -- 1 not_enough_stock, 2 product_archived, 3 product_unknown, 4 currencies_mixed, 5 given_up.
    refusal smallint CHECK (refusal BETWEEN 1 AND 5),
    refused_product uuid,
    available bigint,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    UNIQUE (customer_id, key),
    CHECK ((state = 7) = (refusal IS NOT NULL)),
    CHECK (state IN (6, 7) OR (total_cents IS NOT NULL AND currency IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX ordinary_orders_of_customer ON orders.ordinary_orders (customer_id, id);
CREATE INDEX ordinary_orders_open ON orders.ordinary_orders (customer_id) WHERE state IN (0, 1, 6);
CREATE INDEX ordinary_orders_expiring ON orders.ordinary_orders (expires_at) WHERE state IN (0, 6);
CREATE INDEX ordinary_orders_driven ON orders.ordinary_orders (due_at) WHERE state IN (1, 6);

-- One line per product, numbered in the order the customer named them.
CREATE TABLE orders.ordinary_order_lines (
    order_id uuid NOT NULL,
    line_no int NOT NULL CHECK (line_no > 0),
    product_id uuid NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0),
    name text,
    unit_price_cents bigint CHECK (unit_price_cents >= 0),
    PRIMARY KEY (order_id, line_no),
    UNIQUE (order_id, product_id)
);

-- What happened to an order, written in the transaction that made it so; rows are only added. What
-- the provider and product confirmed later stands in payment_attempts and work_items.
CREATE TABLE orders.ordinary_order_events (
    order_id uuid NOT NULL,
    event_no bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN (
        'placed', 'reserved', 'refused', 'payment_started', 'payment_declined', 'payment_approved',
        'payment_lapsed', 'paid', 'cancelled', 'expired', 'refund_due'
    )),
    payment_n int,
    refusal smallint,
    refused_product uuid,
    available bigint,
    PRIMARY KEY (order_id, event_no)
);

-- An order as its readers see it. Names and prices are empty until it is reserved.
CREATE VIEW orders.ordinary_orders_shown AS
SELECT o.id, o.customer_id, o.state, o.attempt, o.reservation_id, o.total_cents, o.currency,
       o.expires_at, o.refusal, o.refused_product, o.available, o.created_at,
       l.product_ids, l.quantities, l.names, l.unit_prices_cents
FROM orders.ordinary_orders o
CROSS JOIN LATERAL (
    SELECT array_agg(x.product_id ORDER BY x.line_no) AS product_ids,
           array_agg(x.quantity ORDER BY x.line_no) AS quantities,
           array_agg(coalesce(x.name, '') ORDER BY x.line_no) AS names,
           array_agg(coalesce(x.unit_price_cents, 0) ORDER BY x.line_no) AS unit_prices_cents
    FROM orders.ordinary_order_lines x WHERE x.order_id = o.id
) l;

-- The id under which product knows the units of one attempt. Whoever knows the order can name it,
-- so that asking again after a crash asks for the same units.
CREATE FUNCTION orders.ordinary_reservation_v1(p_order uuid, p_attempt int) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(substring(
        sha256(convert_to(p_order::text || ':' || p_attempt, 'UTF8')) FROM 1 FOR 16
    ), 'hex')::uuid
$$;

CREATE FUNCTION orders.ordinary_event_v1(
    p_order uuid, p_at timestamptz, p_kind text, p_payment_n int DEFAULT NULL
) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO orders.ordinary_order_events (order_id, at, kind, payment_n)
    VALUES (p_order, p_at, p_kind, p_payment_n)
$$;

-- Orders that product be told to let the order's units go. Settling a reservation with 0 is
-- harmless when product never heard of it (a late create then sets nothing aside), and when it ran
-- out by itself.
CREATE FUNCTION orders.ordinary_release_v1(p_order uuid) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO orders.work_items (kind, subject_id, payload)
    SELECT 'release_reservation', o.reservation_id, jsonb_build_object(
        'order_id', o.id,
        'lines', (
            SELECT jsonb_agg(
                jsonb_build_object('product_id', l.product_id, 'quantity', 0) ORDER BY l.product_id
            )
            FROM orders.ordinary_order_lines l WHERE l.order_id = o.id
        )
    )
    FROM orders.ordinary_orders o WHERE o.id = p_order
    ON CONFLICT (kind, subject_id) DO NOTHING
$$;

-- Commits an order as `placing`, before product is asked. p_products: each once. outcome: 0 placing
-- (ask product, or ask it again), 1 the key's order is past that, 2 the key was used for another
-- request, 3 the customer has p_open_max unpaid orders. A refused order doesn't bind its key.
CREATE FUNCTION orders.ordinary_place_v1(
    p_id uuid, p_customer uuid, p_key uuid, p_fingerprint uuid, p_products uuid[],
    p_quantities bigint[], p_open_max int, p_placing_ms bigint, p_drive_ms bigint,
    OUT outcome int, OUT order_id uuid, OUT attempt int, OUT reservation_id uuid
) LANGUAGE plpgsql AS $$
DECLARE
    v orders.ordinary_orders;
    v_now timestamptz;
BEGIN
    -- A customer's placements one after the other: what is counted below then is the truth.
    PERFORM pg_advisory_xact_lock(hashtextextended('ordinary order ' || p_customer, 0));
    SELECT o.* INTO v FROM orders.ordinary_orders o
    WHERE o.customer_id = p_customer AND o.key = p_key FOR NO KEY UPDATE;
    IF FOUND AND v.state <> 7 THEN
        outcome := CASE WHEN v.fingerprint <> p_fingerprint THEN 2 WHEN v.state = 6 THEN 0 ELSE 1 END;
        order_id := v.id;
        attempt := v.attempt;
        reservation_id := v.reservation_id;
        IF outcome = 0 THEN
            UPDATE orders.ordinary_orders o SET asked_again = true WHERE o.id = v.id;
        END IF;
        RETURN;
    END IF;
    IF p_open_max <= (
        SELECT count(*) FROM orders.ordinary_orders o
        WHERE o.customer_id = p_customer AND o.state IN (0, 1, 6)
    ) THEN
        outcome := 3;
        RETURN;
    END IF;
    outcome := 0;
    order_id := coalesce(v.id, p_id);
    attempt := coalesce(v.attempt, 0) + 1;
    reservation_id := orders.ordinary_reservation_v1(order_id, attempt);
    v_now := clock_timestamp();
    INSERT INTO orders.ordinary_orders AS o (
        id, customer_id, key, fingerprint, state, attempt, reservation_id, expires_at, due_at,
        created_at, changed_at
    ) VALUES (
        order_id, p_customer, p_key, p_fingerprint, 6, attempt, reservation_id,
        v_now + p_placing_ms * interval '1 millisecond',
        v_now + p_drive_ms * interval '1 millisecond', v_now, v_now
    )
    ON CONFLICT (id) DO UPDATE
    SET fingerprint = excluded.fingerprint, state = 6, attempt = excluded.attempt,
        reservation_id = excluded.reservation_id, asked_again = false, expires_at = excluded.expires_at,
        due_at = excluded.due_at, changed_at = v_now,
        refusal = NULL, refused_product = NULL, available = NULL;
    DELETE FROM orders.ordinary_order_lines l WHERE l.order_id = ordinary_place_v1.order_id;
    INSERT INTO orders.ordinary_order_lines (order_id, line_no, product_id, quantity)
    SELECT ordinary_place_v1.order_id, w.line_no, w.product_id, w.quantity
    FROM unnest(p_products, p_quantities) WITH ORDINALITY AS w (product_id, quantity, line_no);
    PERFORM orders.ordinary_event_v1(order_id, v_now, 'placed');
END $$;

-- Product has set the units aside: placing -> reserved, with the prices of this moment. False: this
-- attempt has ended otherwise meanwhile.
CREATE FUNCTION orders.ordinary_reserved_v1(
    p_order uuid, p_attempt int, p_products uuid[], p_names text[], p_prices_cents bigint[],
    p_currency text, p_expires_at timestamptz
) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz;
BEGIN
    PERFORM 1 FROM orders.ordinary_orders o
    WHERE o.id = p_order AND o.state = 6 AND o.attempt = p_attempt FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    v_now := clock_timestamp();
    UPDATE orders.ordinary_order_lines l
    SET name = f.name, unit_price_cents = f.price_cents
    FROM unnest(p_products, p_names, p_prices_cents) AS f (product_id, name, price_cents)
    WHERE l.order_id = p_order AND l.product_id = f.product_id;
    UPDATE orders.ordinary_orders o
    SET state = 0, currency = p_currency, expires_at = p_expires_at, changed_at = v_now,
        total_cents = (
            SELECT sum(l.quantity * l.unit_price_cents) FROM orders.ordinary_order_lines l
            WHERE l.order_id = p_order
        )
    WHERE o.id = p_order;
    PERFORM orders.ordinary_event_v1(p_order, v_now, 'reserved');
    RETURN true;
END $$;

-- placing -> refused, under the row's lock, which the caller holds.
CREATE FUNCTION orders.ordinary_refuse_v1(
    p_order uuid, p_now timestamptz, p_refusal int, p_product uuid, p_available bigint,
    p_release boolean
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE orders.ordinary_orders o
    SET state = 7, refusal = p_refusal, refused_product = p_product, available = p_available,
        changed_at = p_now
    WHERE o.id = p_order;
    INSERT INTO orders.ordinary_order_events (
        order_id, at, kind, refusal, refused_product, available
    ) VALUES (p_order, p_now, 'refused', p_refusal, p_product, p_available);
    IF p_release THEN
        PERFORM orders.ordinary_release_v1(p_order);
    END IF;
END $$;

-- Product's definite no, or our own after it had said yes. Product is told to let go if it may have
-- set units aside (p_release), and if it was asked more than once. False: this attempt has ended
-- otherwise meanwhile.
CREATE FUNCTION orders.ordinary_refused_v1(
    p_order uuid, p_attempt int, p_refusal int, p_product uuid, p_available bigint,
    p_release boolean
) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_asked_again boolean;
BEGIN
    SELECT o.asked_again INTO v_asked_again FROM orders.ordinary_orders o
    WHERE o.id = p_order AND o.state = 6 AND o.attempt = p_attempt FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM orders.ordinary_refuse_v1(
        p_order, clock_timestamp(), p_refusal, p_product, p_available, p_release OR v_asked_again);
    RETURN true;
END $$;

-- Starts a payment: reserved -> paying. outcome: 0 started, 1 paid, 2 paying, 3 expired, 4 cancelled,
-- 5 refunded, 6 no such order of this customer, 7 placing, 8 refused. A new n needs the last one to
-- be definitely declined, which is the only way back to reserved.
CREATE FUNCTION orders.ordinary_pay_begin_v1(
    p_order uuid, p_customer uuid, p_paying_ms bigint,
    OUT outcome int, OUT n int, OUT amount_cents bigint, OUT currency text
) LANGUAGE plpgsql AS $$
DECLARE
    v orders.ordinary_orders;
    v_now timestamptz;
BEGIN
    SELECT o.* INTO v FROM orders.ordinary_orders o
    WHERE o.id = p_order AND o.customer_id = p_customer FOR NO KEY UPDATE;
    v_now := clock_timestamp();
    outcome := CASE
        WHEN v.id IS NULL THEN 6
        WHEN v.state = 1 THEN 2
        WHEN v.state = 2 THEN 1
        WHEN v.state = 3 THEN 4
        WHEN v.state = 4 THEN 3
        WHEN v.state = 5 THEN 5
        WHEN v.state = 6 THEN 7
        WHEN v.state = 7 THEN 8
        WHEN v.expires_at <= v_now THEN 3
        ELSE 0
    END;
    IF outcome <> 0 THEN
        RETURN;
    END IF;
    amount_cents := v.total_cents;
    currency := v.currency;
    SELECT coalesce(max(p.n), 0) + 1 INTO n FROM orders.payment_attempts p
    WHERE p.order_id = p_order;
    INSERT INTO orders.payment_attempts (
        order_id, n, state, amount_cents, currency, paying_until, due_at, created_at, changed_at
    ) VALUES (
        p_order, n, 0, amount_cents, currency, v_now + p_paying_ms * interval '1 millisecond',
        v_now, v_now, v_now
    );
    -- Nothing to ask product until the provider approved.
    UPDATE orders.ordinary_orders o SET state = 1, due_at = 'infinity', changed_at = v_now
    WHERE o.id = p_order;
    PERFORM orders.ordinary_event_v1(p_order, v_now, 'payment_started', n);
END $$;

-- The provider's verdict (0 approved, 1 declined). outcome: 0 approved, product is to be asked to
-- settle; 1 declined; 2 the money goes back; 3 no such attempt; 4 paid; 5 not an ordinary order.
-- A repeated call answers what was done.
CREATE FUNCTION orders.ordinary_pay_finish_v1(
    p_order uuid, p_n int, p_verdict int, p_drive_ms bigint, OUT outcome int
) LANGUAGE plpgsql AS $$
DECLARE
    v_state smallint;
    v_was smallint;
    v_becomes smallint;
    v_now timestamptz;
BEGIN
    SELECT o.state INTO v_state FROM orders.ordinary_orders o
    WHERE o.id = p_order FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        outcome := 5;
        RETURN;
    END IF;
    SELECT p.state INTO v_was FROM orders.payment_attempts p
    WHERE p.order_id = p_order AND p.n = p_n FOR NO KEY UPDATE;
    v_now := clock_timestamp();
    v_becomes := CASE
        WHEN v_was NOT IN (0, 3) THEN v_was
        WHEN p_verdict = 1 THEN 1
        WHEN v_was = 0 THEN 2
        ELSE 5
    END;
    outcome := CASE
        WHEN v_was IS NULL THEN 3
        WHEN v_becomes = 1 THEN 1
        WHEN v_becomes = 2 AND v_state = 1 THEN 0
        WHEN v_becomes = 2 THEN 4
        ELSE 2
    END;
    IF v_was IS NULL OR v_was = v_becomes THEN
        RETURN;
    END IF;
    UPDATE orders.payment_attempts p SET state = v_becomes, due_at = v_now, changed_at = v_now
    WHERE p.order_id = p_order AND p.n = p_n;
    PERFORM orders.ordinary_event_v1(p_order, v_now, CASE v_becomes
        WHEN 1 THEN 'payment_declined' WHEN 2 THEN 'payment_approved' ELSE 'refund_due' END, p_n);
    -- An attempt that was still open is that of a `paying` order.
    IF v_was = 0 THEN
        UPDATE orders.ordinary_orders o
        SET state = CASE WHEN v_becomes = 2 THEN 1 ELSE 0 END, changed_at = v_now,
            due_at = v_now + p_drive_ms * interval '1 millisecond'
        WHERE o.id = p_order;
    END IF;
END $$;

-- Product's answer to the settlement of an approved payment: accepted, paying -> paid; refused, as
-- the units have gone, paying -> expired and the money goes back, in one transaction. Returns the
-- order's state.
CREATE FUNCTION orders.ordinary_settled_v1(p_order uuid, p_accepted boolean) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    v_state smallint;
    v_n int;
    v_now timestamptz;
BEGIN
    SELECT o.state INTO v_state FROM orders.ordinary_orders o
    WHERE o.id = p_order FOR NO KEY UPDATE;
    SELECT p.n INTO v_n FROM orders.payment_attempts p
    WHERE p.order_id = p_order AND p.state = 2 FOR NO KEY UPDATE;
    IF v_state <> 1 OR v_n IS NULL THEN
        RETURN v_state;
    END IF;
    v_now := clock_timestamp();
    UPDATE orders.ordinary_orders o
    SET state = CASE WHEN p_accepted THEN 2 ELSE 4 END, changed_at = v_now
    WHERE o.id = p_order;
    IF p_accepted THEN
        PERFORM orders.ordinary_event_v1(p_order, v_now, 'paid', v_n);
        RETURN 2;
    END IF;
    UPDATE orders.payment_attempts p SET state = 5, due_at = v_now, changed_at = v_now
    WHERE p.order_id = p_order AND p.n = v_n;
    PERFORM orders.ordinary_event_v1(p_order, v_now, 'expired');
    PERFORM orders.ordinary_event_v1(p_order, v_now, 'refund_due', v_n);
    RETURN 4;
END $$;

-- outcome: 0 cancelled, product is to be told; 1 was cancelled before; 2 paid: the money and the
-- units go back; 3 they went back before; 4 paying; 5 expired; 6 placing; 7 refused; 8 no such order
-- of this customer.
CREATE FUNCTION orders.ordinary_cancel_v1(p_order uuid, p_customer uuid, OUT outcome int)
LANGUAGE plpgsql AS $$
DECLARE
    v_state smallint;
    v_n int;
    v_now timestamptz;
BEGIN
    SELECT o.state INTO v_state FROM orders.ordinary_orders o
    WHERE o.id = p_order AND o.customer_id = p_customer FOR NO KEY UPDATE;
    outcome := CASE v_state
        WHEN 0 THEN 0 WHEN 3 THEN 1 WHEN 2 THEN 2 WHEN 5 THEN 3 WHEN 1 THEN 4 WHEN 4 THEN 5
        WHEN 6 THEN 6 WHEN 7 THEN 7 ELSE 8
    END;
    v_now := clock_timestamp();
    IF outcome = 0 THEN
        UPDATE orders.ordinary_orders o SET state = 3, changed_at = v_now WHERE o.id = p_order;
        PERFORM orders.ordinary_event_v1(p_order, v_now, 'cancelled');
        PERFORM orders.ordinary_release_v1(p_order);
    ELSIF outcome = 2 THEN
        UPDATE orders.payment_attempts p SET state = 5, due_at = v_now, changed_at = v_now
        WHERE p.order_id = p_order AND p.state = 2
        RETURNING p.n INTO v_n;
        UPDATE orders.ordinary_orders o SET state = 5, changed_at = v_now WHERE o.id = p_order;
        INSERT INTO orders.work_items (kind, subject_id, payload)
        SELECT 'return_units', p_order, jsonb_build_object('lines', jsonb_agg(
            jsonb_build_object('product_id', l.product_id, 'quantity', l.quantity)
            ORDER BY l.product_id
        ))
        FROM orders.ordinary_order_lines l WHERE l.order_id = p_order;
        PERFORM orders.ordinary_event_v1(p_order, v_now, 'cancelled');
        PERFORM orders.ordinary_event_v1(p_order, v_now, 'refund_due', v_n);
    END IF;
END $$;

-- Ends what ran out, up to p_limit orders of each kind: reservations that were not paid, placements
-- that product did not answer in time, payments that the provider did not decide in time (the
-- attempt is voided). Product is told afterwards. Returns how many.
CREATE FUNCTION orders.ordinary_sweep_v1(p_limit int) RETURNS bigint
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
        WHERE p.order_id = v.id AND p.state = 0
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

-- Orders that product has to be asked about, placing or paying and approved; for p_claim_ms this
-- caller's.
CREATE FUNCTION orders.ordinary_claim_v1(p_limit int, p_claim_ms bigint)
RETURNS TABLE (order_id uuid)
LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    RETURN QUERY
    UPDATE orders.ordinary_orders o
    SET due_at = v_now + p_claim_ms * interval '1 millisecond',
        asked_again = o.asked_again OR o.state = 6
    FROM (
        SELECT d.id FROM orders.ordinary_orders d
        WHERE d.state IN (1, 6) AND d.due_at <= v_now
        ORDER BY d.due_at LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED
    ) due
    WHERE o.id = due.id
    RETURNING o.id;
END $$;

-- order_list_v1 with a state to choose; null: all of them.
CREATE FUNCTION orders.order_list_v2(
    p_customer uuid, p_before uuid, p_limit int, p_state bigint
) RETURNS TABLE (id uuid, sale_id uuid, product_id uuid, customer_id uuid, quantity int,
                 unit_price_cents bigint, currency text, state smallint, seq bigint, pos smallint,
                 expires_at timestamptz, name text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT o.id, s.id, s.product_id, o.customer_id, o.quantity, o.unit_price_cents, s.currency,
           o.state, o.seq, o.pos, o.expires_at, s.name
    FROM orders.sales s
    JOIN orders.sale_orders o ON o.sale_no = s.sale_no AND o.customer_id = p_customer
    WHERE (p_before IS NULL OR o.id < p_before) AND (p_state IS NULL OR o.state = p_state)
    ORDER BY o.id DESC LIMIT p_limit;
END $$;

-- order_find_v1 with the name under which the sale sold.
CREATE FUNCTION orders.order_find_v2(p_orders uuid[], p_customer uuid)
RETURNS TABLE (id uuid, sale_id uuid, product_id uuid, customer_id uuid, quantity int,
               unit_price_cents bigint, currency text, state smallint, seq bigint, pos smallint,
               expires_at timestamptz, name text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT o.id, s.id, s.product_id, o.customer_id, o.quantity, o.unit_price_cents, s.currency,
           o.state, o.seq, o.pos, o.expires_at, s.name
    FROM orders.sale_orders o JOIN orders.sales s ON s.sale_no = o.sale_no
    WHERE o.id = ANY (p_orders) AND (p_customer IS NULL OR o.customer_id = p_customer);
END $$;

GRANT SELECT ON orders.ordinary_orders, orders.ordinary_order_lines, orders.ordinary_order_events,
    orders.ordinary_orders_shown TO orders, auditor;

DO $$
DECLARE
    f regprocedure;
    setting text;
BEGIN
    FOR f IN
        SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = 'orders'::regnamespace
            AND p.proname ~ '^(ordinary_.*_v1|order_(find|list)_v2)$'
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, pg_temp', f);
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER', f);
        -- Parts of the others.
        CONTINUE WHEN f::text ~ 'ordinary_(event|release|refuse|reservation)_v1';
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO orders', f);
        EXECUTE format('ALTER FUNCTION %s SET plan_cache_mode = force_generic_plan', f);
        FOREACH setting IN ARRAY ARRAY[
            'enable_seqscan', 'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin', 'jit'
        ] LOOP
            EXECUTE format('ALTER FUNCTION %s SET %s = off', f, setting);
        END LOOP;
    END LOOP;
    GRANT EXECUTE ON FUNCTION orders.ordinary_reservation_v1 TO auditor;
END $$;
