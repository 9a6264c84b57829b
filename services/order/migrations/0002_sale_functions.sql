-- The rules of a sale. Each function is VOLATILE and runs in READ COMMITTED: every statement in it
-- sees what was committed when that statement began, so what is counted after the row was locked is
-- the truth. (Locking and counting in one statement would count in the snapshot from before the
-- wait.) Names carry a version and live on for one release. Plans are pinned: with no statistics
-- yet, or stale ones, the planner otherwise changes over to sequential scans while a table grows.

-- Moves final_seq over batches whose orders are all paid, cancelled, expired or refunded. A final
-- state is never left, and orders begin under the sale's row lock, which the caller holds: what is
-- found final stays so. Ends after about p_orders_max orders or half a second: callers give up
-- after 1.5 s, and all would be done again. Begins with one batch, because most calls find an open
-- order in it, and then looks at several at once.
CREATE FUNCTION orders.sale_walk_final_v1(
    p_sale_no int, p_final_seq bigint, p_orders_max int,
    OUT final_seq bigint, OUT all_final boolean, OUT unfinished boolean
) LANGUAGE plpgsql AS $$
DECLARE
    batches_max CONSTANT int := 64;
    orders_enough CONSTANT int := 2048;
    v_until CONSTANT timestamptz := clock_timestamp() + interval '500 milliseconds';
    v_batches int := 1;
    v_to bigint;
    v_orders bigint;
    v_open bigint;
    v_seen bigint := 0;
BEGIN
    final_seq := p_final_seq;
    all_final := false;
    unfinished := false;
    WHILE v_seen < p_orders_max AND clock_timestamp() < v_until LOOP
        SELECT max(w.seq), count(o.id), min(w.seq) FILTER (WHERE o.state <= 1)
        INTO v_to, v_orders, v_open
        FROM (
            SELECT b.seq, b.taken FROM orders.sale_batches b
            WHERE b.sale_no = p_sale_no AND b.seq > sale_walk_final_v1.final_seq
            ORDER BY b.seq LIMIT v_batches
        ) w
        LEFT JOIN LATERAL unnest(w.taken) AS t (id) ON true
        LEFT JOIN LATERAL (
            SELECT q.id, q.state FROM orders.sale_orders q WHERE q.id = t.id OFFSET 0
        ) o ON true;
        IF v_to IS NULL THEN
            all_final := true;
            RETURN;
        END IF;
        final_seq := coalesce(v_open - 1, v_to);
        IF v_open IS NOT NULL THEN
            RETURN;
        END IF;
        v_seen := v_seen + v_orders;
        IF v_orders < orders_enough THEN
            v_batches := least(2 * v_batches, batches_max);
        END IF;
    END LOOP;
    unfinished := true;
END $$;

-- Brings back the holds of batches that came due: of at least p_least orders, and of more as long
-- as less than p_wanted units came back, but never for much longer than half a second (see above).
-- stopped: what is due was not all looked at. An order that is being paid is left to the end of its
-- payment, which notes it in late_holds if that leaves it open. Part of sale_apply_v1, which has
-- the row and writes what comes back; nobody else may call it.
CREATE FUNCTION orders.sale_reclaim_v1(
    p_sale_no int, p_hold interval, p_now timestamptz, p_seq bigint,
    p_reclaimed_seq bigint, p_final_seq bigint, p_least int, p_wanted bigint,
    OUT reclaimed_seq bigint, OUT final_seq bigint, OUT next_due_at timestamptz,
    OUT units int, OUT returned uuid[], OUT noted boolean, OUT stopped boolean
) LANGUAGE plpgsql AS $$
DECLARE
    orders_max CONSTANT int := 65536;
    orders_together CONSTANT int := 512;
    v_until CONSTANT timestamptz := clock_timestamp() + interval '500 milliseconds';
    v_batch record;
    v_from bigint;
    v_looked_at int := 0;
    v_ids uuid[];
    v_paying uuid[];
    v_gone uuid[];
    v_units int;
BEGIN
    reclaimed_seq := p_reclaimed_seq;
    final_seq := p_final_seq;
    units := 0;
    returned := '{}';
    noted := false;
    LOOP
        v_from := reclaimed_seq;
        v_ids := '{}';
        stopped := false;
        next_due_at := NULL;
        FOR v_batch IN
            SELECT b.seq, b.at, b.taken FROM orders.sale_batches b
            WHERE b.sale_no = p_sale_no AND b.seq > v_from
            ORDER BY b.seq
        LOOP
            IF cardinality(v_batch.taken) > 0 AND v_batch.at + p_hold > p_now THEN
                next_due_at := v_batch.at + p_hold;
                EXIT;
            END IF;
            IF cardinality(v_ids) >= orders_together OR v_looked_at >= orders_max THEN
                next_due_at := least(v_batch.at + p_hold, p_now);
                stopped := true;
                EXIT;
            END IF;
            IF v_batch.seq > final_seq THEN
                v_ids := v_ids || v_batch.taken;
            END IF;
            v_looked_at := v_looked_at + greatest(cardinality(v_batch.taken), 1);
            reclaimed_seq := v_batch.seq;
        END LOOP;

        WITH held AS MATERIALIZED (
            SELECT o.id, o.state FROM orders.sale_orders o
            WHERE o.id = ANY (v_ids) AND (o.state = 1 OR (o.state = 0 AND o.expires_at <= p_now))
            ORDER BY o.id FOR NO KEY UPDATE SKIP LOCKED
        ), gone AS (
            UPDATE orders.sale_orders o
            SET state = 4, changed_at = p_now, returned_seq = p_seq + 1
            FROM held h WHERE o.id = h.id AND h.state = 0
            RETURNING o.id, o.quantity
        )
        SELECT coalesce(array_agg(g.id ORDER BY g.id), '{}'), coalesce(sum(g.quantity), 0),
               ARRAY(SELECT h.id FROM held h WHERE h.state = 1)
        INTO v_gone, v_units, v_paying FROM gone g;
        returned := returned || v_gone;
        units := units + v_units;

        -- Locked by a payment that begins or ends just now: it may not know that its batch was
        -- looked at.
        INSERT INTO orders.late_holds (sale_no, order_id)
        SELECT p_sale_no, o.id FROM orders.sale_orders o
        WHERE o.id = ANY (v_ids) AND o.state <= 1 AND o.id <> ALL (v_paying);
        IF FOUND THEN
            noted := true;
        ELSIF cardinality(v_paying) = 0 AND final_seq BETWEEN v_from AND reclaimed_seq THEN
            final_seq := reclaimed_seq;
        END IF;
        EXIT WHEN NOT stopped OR v_looked_at >= orders_max OR clock_timestamp() >= v_until
            OR (v_looked_at >= p_least AND units >= p_wanted);
    END LOOP;
END $$;

-- The atomic stock update: gives units back, reclaims due holds, gives units to takes in arrival
-- order, writes orders, history and the row, all in one transaction. Deciding nothing new writes
-- nothing. Outcomes are those of order/domain/batch.hpp. Arrays of takes run in parallel, and so do
-- those of returns; pos of a take is its place in them, from 1.
CREATE FUNCTION orders.sale_apply_v1(
    p_sale uuid, p_fence bigint, p_mode int,
    p_order_ids uuid[], p_customers uuid[], p_keys uuid[], p_fingerprints uuid[],
    p_quantities int[], p_deadlines_us bigint[],
    p_return_orders uuid[], p_return_customers uuid[],
    OUT status smallint, OUT fence bigint, OUT seq bigint, OUT wrote boolean,
    OUT state smallint, OUT sold_out boolean, OUT remaining int,
    OUT at_us bigint, OUT expires_at_us bigint, OUT next_expiry_us bigint,
    OUT take_outcomes smallint[], OUT take_order_ids uuid[], OUT take_remaining int[],
    OUT return_outcomes smallint[]
) LANGUAGE plpgsql AS $$
DECLARE
    takes_max CONSTANT int := 4096;
    -- A batch without takes keeps nobody waiting but the next one.
    reclaimed_min CONSTANT int := CASE WHEN cardinality(p_order_ids) > 0 THEN 1024 ELSE 8192 END;
    notes_max CONSTANT int := 4096;
    walked_max CONSTANT int := 4096;
    no_order CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    v record;
    v_now timestamptz;
    v_expires timestamptz;
    v_kind smallint := 0;
    v_gate smallint;
    v_outcome smallint;
    v_reclaimed bigint;
    v_final bigint;
    v_due timestamptz;
    v_late boolean;
    v_due_left boolean := false;
    v_unfinished boolean := false;
    v_demand bigint;
    v_back record;
    v_take record;
    v_notes bigint[];
    v_ids uuid[];
    v_units int;
    v_taken uuid[] := '{}';
    v_served uuid[] := '{}';
    v_returned uuid[] := '{}';
    v_refused int[];
BEGIN
    IF cardinality(p_order_ids) > takes_max OR cardinality(p_return_orders) > takes_max THEN
        RAISE EXCEPTION 'a batch has at most % takes and returns', takes_max
            USING ERRCODE = 'program_limit_exceeded';
    END IF;

    -- has_late is as of before the wait: it may be stale by one batch, which costs one look or
    -- delays one by a batch.
    SELECT s.sale_no, s.unit_price_cents, s.units_per_customer, s.holds_per_customer,
           s.hold_ms * interval '1 millisecond' AS hold, s.starts_at, s.ends_at,
           u.state, u.sold_out, u.fence, u.seq, u.remaining,
           u.reclaimed_seq, u.final_seq, u.next_due_at,
           EXISTS (SELECT 1 FROM orders.late_holds l WHERE l.sale_no = s.sale_no) AS has_late
    INTO v
    FROM orders.sales s JOIN orders.sale_units u ON u.sale_no = s.sale_no
    WHERE s.id = p_sale
    FOR NO KEY UPDATE OF u;
    IF NOT FOUND THEN
        status := 2;
        RETURN;
    END IF;

    -- now() is the time the call began, before the wait for the row.
    v_now := clock_timestamp();
    v_expires := v_now + v.hold;
    status := 0;
    fence := v.fence;
    seq := v.seq;
    wrote := false;
    state := v.state;
    sold_out := v.sold_out;
    remaining := v.remaining;
    at_us := (extract(epoch FROM v_now) * 1000000)::bigint;
    expires_at_us := (extract(epoch FROM v_expires) * 1000000)::bigint;
    IF p_fence <> v.fence THEN
        status := 1;
        RETURN;
    END IF;

    v_reclaimed := v.reclaimed_seq;
    v_final := v.final_seq;
    v_due := v.next_due_at;
    v_late := v.has_late;

    -- Returns. Every path that waits for order rows locks them in id order, and this one comes
    -- before those below, which skip locked rows: no circle of waits.
    IF cardinality(p_return_orders) > 0 THEN
        PERFORM 1 FROM orders.sale_orders o
        WHERE o.id = ANY (p_return_orders) ORDER BY o.id FOR NO KEY UPDATE;

        SELECT array_agg(CASE o.state WHEN 0 THEN 0 WHEN 1 THEN 3 WHEN 2 THEN 4 WHEN 3 THEN 1
                                      WHEN 4 THEN 2 WHEN 5 THEN 5 ELSE 6 END ORDER BY r.n)
        INTO return_outcomes
        FROM unnest(p_return_orders, p_return_customers) WITH ORDINALITY
            AS r (order_id, customer_id, n)
        LEFT JOIN orders.sale_orders o
            ON o.id = r.order_id AND o.customer_id = r.customer_id AND o.sale_no = v.sale_no;

        WITH gone AS (
            UPDATE orders.sale_orders o
            SET state = 3, changed_at = v_now, returned_seq = v.seq + 1
            FROM unnest(p_return_orders, p_return_customers) AS r (order_id, customer_id)
            WHERE o.id = r.order_id AND o.customer_id = r.customer_id
                AND o.sale_no = v.sale_no AND o.state = 0
            RETURNING o.id, o.quantity
        )
        SELECT coalesce(array_agg(g.id ORDER BY g.id), '{}'), coalesce(sum(g.quantity), 0)
        INTO v_returned, v_units FROM gone g;
        remaining := remaining + v_units;
    ELSE
        return_outcomes := '{}';
    END IF;

    -- Holds that come due apart from their batch. Notes of orders still being paid are passed over.
    IF v_late THEN
        SELECT coalesce(array_agg(n.note_no), '{}'), coalesce(array_agg(n.order_id), '{}')
        INTO v_notes, v_ids
        FROM (
            SELECT l.note_no, l.order_id FROM orders.late_holds l
            CROSS JOIN LATERAL (
                SELECT 1 FROM orders.sale_orders o
                WHERE o.id = l.order_id
                    AND (o.state > 1 OR (o.state = 0 AND o.expires_at <= v_now))
                OFFSET 0
            ) ended
            WHERE l.sale_no = v.sale_no
            ORDER BY l.note_no LIMIT notes_max
        ) n;
        v_due_left := cardinality(v_notes) >= notes_max;
        WITH due AS MATERIALIZED (
            SELECT o.id FROM orders.sale_orders o
            WHERE o.id = ANY (v_ids) AND o.state = 0 AND o.expires_at <= v_now
            ORDER BY o.id FOR NO KEY UPDATE SKIP LOCKED
        ), gone AS (
            UPDATE orders.sale_orders o
            SET state = 4, changed_at = v_now, returned_seq = v.seq + 1
            FROM due WHERE o.id = due.id
            RETURNING o.id, o.quantity
        )
        SELECT v_returned || coalesce(array_agg(g.id ORDER BY g.id), '{}'),
               coalesce(sum(g.quantity), 0)
        INTO v_returned, v_units FROM gone g;
        remaining := remaining + v_units;

        DELETE FROM orders.late_holds l
        WHERE l.sale_no = v.sale_no AND l.note_no = ANY (v_notes)
            AND (SELECT o.state FROM orders.sale_orders o WHERE o.id = l.order_id) > 1;
        v_late := EXISTS (SELECT 1 FROM orders.late_holds l WHERE l.sale_no = v.sale_no);
    END IF;

    -- Batches that came due: a bounded number of orders, and more only as long as somebody could be
    -- refused for want of them.
    IF v_due <= v_now THEN
        v_demand := coalesce((SELECT sum(q) FROM unnest(p_quantities) AS q), 0);
        SELECT r.* INTO v_back FROM orders.sale_reclaim_v1(
            v.sale_no, v.hold, v_now, v.seq, v_reclaimed, v_final, reclaimed_min,
            v_demand - remaining
        ) r;
        v_reclaimed := v_back.reclaimed_seq;
        v_final := v_back.final_seq;
        v_due := v_back.next_due_at;
        v_late := v_late OR v_back.noted;
        v_due_left := v_due_left OR v_back.stopped;
        v_returned := v_returned || v_back.returned;
        remaining := remaining + v_back.units;
    END IF;

    IF state IN (2, 3) AND v_now >= v.ends_at THEN
        state := 4;
        v_kind := 4;
    END IF;

    -- Sold out for good: nothing is left and nothing can come back.
    IF remaining = 0 AND NOT sold_out AND state = 2 AND v_now >= v.starts_at THEN
        SELECT w.final_seq, w.all_final, w.unfinished INTO v_final, sold_out, v_unfinished
        FROM orders.sale_walk_final_v1(v.sale_no, v_final, walked_max) w;
    END IF;

    take_outcomes := '{}';
    take_order_ids := '{}';
    take_remaining := '{}';
    IF cardinality(p_order_ids) > 0 THEN
        v_gate := CASE
            WHEN sold_out THEN 3
            WHEN state IN (1, 4, 5) THEN 4
            WHEN state = 0 OR v_now < v.starts_at THEN 9
            WHEN state = 3 THEN 8
        END;
        v_refused := array_fill(0, ARRAY[12]);
        -- One scan per customer finds the order of this key and all that the customer ever held.
        FOR v_take IN
            SELECT t.order_id, t.customer_id, t.fingerprint, t.quantity, t.deadline_us, t.turn,
                   h.known_id, h.known_fingerprint, h.units, h.holds
            FROM (
                SELECT a.*, row_number() OVER (PARTITION BY a.customer_id ORDER BY a.n) AS turn
                FROM unnest(p_order_ids, p_customers, p_keys, p_fingerprints, p_quantities,
                            p_deadlines_us) WITH ORDINALITY
                    AS a (order_id, customer_id, key, fingerprint, quantity, deadline_us, n)
            ) t
            CROSS JOIN LATERAL (
                SELECT (array_agg(o.id) FILTER (WHERE o.key = t.key))[1] AS known_id,
                       (array_agg(o.fingerprint) FILTER (WHERE o.key = t.key))[1]
                           AS known_fingerprint,
                       coalesce(sum(o.quantity) FILTER (WHERE o.state IN (0, 1, 2, 5)), 0)
                           AS units,
                       count(*) AS holds
                FROM orders.sale_orders o
                WHERE o.sale_no = v.sale_no AND o.customer_id = t.customer_id
            ) h
            ORDER BY t.n
        LOOP
            v_outcome := CASE
                WHEN v_take.known_id IS NOT NULL THEN
                    CASE WHEN v_take.known_fingerprint = v_take.fingerprint THEN 1 ELSE 2 END
                WHEN v_take.deadline_us < at_us THEN 10
                WHEN v_gate IS NOT NULL THEN v_gate
                -- What the scan counted lacks what this batch gave the customer.
                WHEN v_take.turn > 1 AND v_take.customer_id = ANY (v_served) THEN 11
                WHEN v_take.units + v_take.quantity > v.units_per_customer
                    OR v_take.holds >= v.holds_per_customer THEN 7
                WHEN remaining >= v_take.quantity THEN 0
                WHEN v_due_left THEN 10
                WHEN remaining = 0 THEN 5
                ELSE 6
            END;
            take_outcomes := array_append(take_outcomes, v_outcome);
            take_remaining := array_append(take_remaining, remaining);
            IF v_outcome = 0 THEN
                remaining := remaining - v_take.quantity;
                v_taken := array_append(v_taken, v_take.order_id);
                v_served := array_append(v_served, v_take.customer_id);
                take_order_ids := array_append(take_order_ids, v_take.order_id);
            ELSE
                v_refused[v_outcome + 1] := v_refused[v_outcome + 1] + 1;
                take_order_ids := array_append(
                    take_order_ids,
                    CASE WHEN v_outcome = 1 THEN v_take.known_id ELSE no_order END
                );
            END IF;
        END LOOP;
    END IF;

    IF cardinality(v_taken) > 0 THEN
        INSERT INTO orders.sale_orders (
            expires_at, changed_at, seq, unit_price_cents, sale_no, quantity, pos, state,
            id, customer_id, key, fingerprint
        )
        SELECT v_expires, v_now, v.seq + 1, v.unit_price_cents, v.sale_no, t.quantity, t.n, 0,
               t.order_id, t.customer_id, t.key, t.fingerprint
        FROM unnest(p_order_ids, p_customers, p_keys, p_fingerprints, p_quantities, take_outcomes)
            WITH ORDINALITY
            AS t (order_id, customer_id, key, fingerprint, quantity, outcome, n)
        WHERE t.outcome = 0;
        v_due := coalesce(v_due, v_expires);
    END IF;

    IF cardinality(v_taken) > 0 OR cardinality(v_returned) > 0
        OR state <> v.state OR sold_out <> v.sold_out
    THEN
        wrote := true;
        seq := v.seq + 1;
        INSERT INTO orders.sale_batches (
            seq, fence, at, sale_no, remaining_after, kind, mode, state_after, sold_out_after,
            taken, returned, refused
        ) VALUES (
            seq, v.fence, v_now, v.sale_no, remaining, v_kind, p_mode, state, sold_out,
            v_taken, v_returned, v_refused
        );
    END IF;
    IF wrote OR v_reclaimed <> v.reclaimed_seq OR v_final <> v.final_seq
        OR v_due IS DISTINCT FROM v.next_due_at
    THEN
        UPDATE orders.sale_units u
        SET state = sale_apply_v1.state, sold_out = sale_apply_v1.sold_out,
            seq = sale_apply_v1.seq, remaining = sale_apply_v1.remaining,
            reclaimed_seq = v_reclaimed, final_seq = v_final, next_due_at = v_due
        WHERE u.sale_no = v.sale_no;
    END IF;

    -- A late hold comes back whenever its payment is declined or lapses: look again soon. With
    -- nothing left every batch moves final_seq on as far as it gets: what it stays behind is being
    -- paid.
    IF NOT sold_out THEN
        next_expiry_us := (extract(epoch FROM least(
            v_due,
            CASE WHEN v_late OR (state = 2 AND remaining = 0 AND v_final < v_reclaimed)
                 THEN v_now + interval '250 milliseconds' END,
            CASE WHEN v_due_left OR v_unfinished THEN v_now END
        )) * 1000000)::bigint;
    END IF;
END $$;

-- One unlocked snapshot of the row and of which keys have an order. STABLE: all statements in it
-- see the snapshot of the call. status: 0, or 2 for no such sale. Arrays: nil where a key is
-- unknown.
CREATE FUNCTION orders.sale_peek_v1(
    p_sale uuid, p_customers uuid[], p_keys uuid[],
    OUT status smallint, OUT state smallint, OUT fence bigint, OUT seq bigint, OUT remaining int,
    OUT sold_out boolean, OUT sold int, OUT released int, OUT refusal text,
    OUT at_us bigint, OUT next_expiry_us bigint,
    OUT known_ids uuid[], OUT known_fingerprints uuid[]
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    no_order CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    notes_max CONSTANT int := 4096;
    v_sale_no int;
    v_now timestamptz := clock_timestamp();
BEGIN
    SELECT s.sale_no, u.state, u.fence, u.seq, u.remaining, u.sold_out, u.sold, u.released,
           coalesce(s.refusal, ''),
           CASE WHEN NOT u.sold_out THEN (extract(epoch FROM least(
               u.next_due_at,
               CASE WHEN EXISTS (
                        SELECT 1
                        FROM (SELECT n.order_id FROM orders.late_holds n
                              WHERE n.sale_no = s.sale_no ORDER BY n.note_no LIMIT notes_max) l
                        CROSS JOIN LATERAL (
                            SELECT 1 FROM orders.sale_orders o
                            WHERE o.id = l.order_id AND o.state = 0 AND o.expires_at <= v_now
                            OFFSET 0
                        ) due
                    ) THEN v_now
                    WHEN (u.state = 2 AND u.remaining = 0 AND u.final_seq < u.reclaimed_seq)
                        OR EXISTS (SELECT 1 FROM orders.late_holds n WHERE n.sale_no = s.sale_no)
                    THEN v_now + interval '250 milliseconds' END
           )) * 1000000)::bigint END
    INTO v_sale_no, state, fence, seq, remaining, sold_out, sold, released, refusal, next_expiry_us
    FROM orders.sales s JOIN orders.sale_units u ON u.sale_no = s.sale_no
    WHERE s.id = p_sale;
    IF NOT FOUND THEN
        status := 2;
        RETURN;
    END IF;
    status := 0;
    at_us := (extract(epoch FROM v_now) * 1000000)::bigint;
    IF cardinality(p_keys) > 0 THEN
        SELECT array_agg(coalesce(o.id, no_order) ORDER BY q.n),
               array_agg(coalesce(o.fingerprint, no_order) ORDER BY q.n)
        INTO known_ids, known_fingerprints
        FROM unnest(p_customers, p_keys) WITH ORDINALITY AS q (customer_id, key, n)
        LEFT JOIN orders.sale_orders o
            ON o.sale_no = v_sale_no AND o.customer_id = q.customer_id AND o.key = q.key;
    ELSE
        known_ids := '{}';
        known_fingerprints := '{}';
    END IF;
END $$;

-- A new holder's first call: waits for a batch under way and refuses every later one that carries
-- the old number. No row: no such sale.
CREATE FUNCTION orders.sale_fence_v1(p_sale uuid)
RETURNS TABLE (state smallint, fence bigint, seq bigint, remaining int, sold_out boolean,
               sold int, released int)
LANGUAGE sql AS $$
    UPDATE orders.sale_units u SET fence = u.fence + 1
    FROM orders.sales s
    WHERE s.id = p_sale AND u.sale_no = s.sale_no
    RETURNING u.state, u.fence, u.seq, u.remaining, u.sold_out, u.sold, u.released;
$$;

-- status: 0 created, 1 the same request created it before, 2 the key belongs to another request.
CREATE FUNCTION orders.sale_create_v1(
    p_id uuid, p_product_id uuid, p_name text, p_unit_price_cents bigint, p_currency text,
    p_allotted int, p_units_per_customer int, p_holds_per_customer int, p_hold_ms bigint,
    p_starts_at timestamptz, p_ends_at timestamptz,
    p_created_by uuid, p_created_key uuid, p_fingerprint uuid,
    OUT status smallint, OUT id uuid
) LANGUAGE plpgsql AS $$
DECLARE
    v_sale_no int;
    v_fingerprint uuid;
BEGIN
    INSERT INTO orders.sales AS s (
        id, product_id, name, unit_price_cents, currency, allotted, units_per_customer,
        holds_per_customer, hold_ms, starts_at, ends_at, created_by, created_key, fingerprint
    ) VALUES (
        p_id, p_product_id, p_name, p_unit_price_cents, p_currency, p_allotted,
        p_units_per_customer, p_holds_per_customer, p_hold_ms, p_starts_at, p_ends_at,
        p_created_by, p_created_key, p_fingerprint
    )
    ON CONFLICT (created_by, created_key) DO NOTHING
    RETURNING s.sale_no INTO v_sale_no;
    IF FOUND THEN
        INSERT INTO orders.sale_units (sale_no, remaining) VALUES (v_sale_no, p_allotted);
        status := 0;
        id := p_id;
        RETURN;
    END IF;
    SELECT s.id, s.fingerprint INTO id, v_fingerprint FROM orders.sales s
    WHERE s.created_by = p_created_by AND s.created_key = p_created_key;
    status := CASE WHEN v_fingerprint = p_fingerprint THEN 1 ELSE 2 END;
END $$;

-- Product has set the units aside (p_refusal null), or refused to. A refused sale is settled with
-- product as well: another pod's create may still be under way and succeed there later.
CREATE FUNCTION orders.sale_open_v1(p_sale uuid, p_refusal text, OUT state smallint)
LANGUAGE plpgsql AS $$
DECLARE
    u orders.sale_units;
BEGIN
    SELECT r.* INTO u FROM orders.sale_units r
    WHERE r.sale_no = (SELECT s.sale_no FROM orders.sales s WHERE s.id = p_sale)
    FOR NO KEY UPDATE;
    IF u.state = 0 AND p_refusal IS NULL THEN
        u.state := 2;
        INSERT INTO orders.sale_batches (
            seq, fence, at, sale_no, remaining_after, kind, mode, state_after, sold_out_after
        ) VALUES (u.seq + 1, u.fence, clock_timestamp(), u.sale_no, u.remaining, 1, 0, 2, false);
        UPDATE orders.sale_units r SET state = 2, seq = r.seq + 1 WHERE r.sale_no = u.sale_no;
    ELSIF u.state = 0 THEN
        u.state := 1;
        UPDATE orders.sale_units r SET state = 1, released = r.remaining, remaining = 0
        WHERE r.sale_no = u.sale_no;
        UPDATE orders.sales s SET refusal = p_refusal WHERE s.sale_no = u.sale_no;
        INSERT INTO orders.work_items (kind, subject_id, payload)
        SELECT 'settle_reservation', s.id,
               jsonb_build_object('product_id', s.product_id, 'sold', 0)
        FROM orders.sales s WHERE s.sale_no = u.sale_no
        ON CONFLICT (kind, subject_id) DO NOTHING;
    END IF;
    state := u.state;
END $$;

-- p_action: 0 pause, 1 resume, 2 end. Without an actor, end only takes effect when the sale's time
-- is over. What is so already stays so. status: 0 it is so, 1 no such sale, 2 not open, 3 settled.
CREATE FUNCTION orders.sale_control_v1(
    p_sale uuid, p_action int, p_actor uuid,
    OUT status smallint, OUT state smallint, OUT fence bigint, OUT seq bigint, OUT remaining int,
    OUT sold_out boolean, OUT sold int, OUT released int
) LANGUAGE plpgsql AS $$
DECLARE
    v_sale_no int;
    v_ends_at timestamptz;
    v_state smallint;
BEGIN
    SELECT s.sale_no, s.ends_at, u.state, u.fence, u.seq, u.remaining, u.sold_out, u.sold,
           u.released
    INTO v_sale_no, v_ends_at, state, fence, seq, remaining, sold_out, sold, released
    FROM orders.sales s JOIN orders.sale_units u ON u.sale_no = s.sale_no
    WHERE s.id = p_sale FOR NO KEY UPDATE OF u;
    status := CASE
        WHEN NOT FOUND THEN 1
        WHEN state = 5 THEN 3
        WHEN state IN (0, 1) OR (state = 4 AND p_action <> 2) THEN 2
        ELSE 0
    END;
    IF status <> 0 OR (p_actor IS NULL AND clock_timestamp() < v_ends_at) THEN
        RETURN;
    END IF;
    v_state := CASE p_action WHEN 0 THEN 3 WHEN 1 THEN 2 WHEN 2 THEN 4 END;
    IF v_state = state THEN
        RETURN;
    END IF;
    state := v_state;
    seq := seq + 1;
    INSERT INTO orders.sale_batches (
        seq, fence, at, sale_no, remaining_after, kind, mode, state_after, sold_out_after, actor
    ) VALUES (
        seq, fence, clock_timestamp(), v_sale_no, remaining, p_action + 2, 0, state, sold_out,
        p_actor
    );
    UPDATE orders.sale_units u SET state = v_state, seq = sale_control_v1.seq
    WHERE u.sale_no = v_sale_no;
END $$;

-- draining -> settled, once no order is reserved or paying: fixes what was sold and what was not,
-- and orders the settlement with product. still_open: how many open orders the first batches that
-- have any hold; 0 if it is settled.
CREATE FUNCTION orders.sale_settle_v1(
    p_sale uuid, OUT settled boolean, OUT still_open bigint
) LANGUAGE plpgsql AS $$
DECLARE
    walked_max CONSTANT int := 200000;
    v record;
    v_final bigint;
    v_all_final boolean;
    v_sold int;
BEGIN
    SELECT s.sale_no, s.product_id, s.allotted, u.state, u.fence INTO v
    FROM orders.sales s JOIN orders.sale_units u ON u.sale_no = s.sale_no
    WHERE s.id = p_sale FOR NO KEY UPDATE OF u;
    settled := coalesce(v.state = 5, false);
    still_open := 0;
    IF v.state IS DISTINCT FROM 4 THEN
        RETURN;
    END IF;

    PERFORM orders.sale_apply_v1(
        p_sale, v.fence, 1, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'
    );
    SELECT w.final_seq, w.all_final INTO v_final, v_all_final
    FROM orders.sale_units u, orders.sale_walk_final_v1(u.sale_no, u.final_seq, walked_max) w
    WHERE u.sale_no = v.sale_no;
    IF NOT v_all_final THEN
        UPDATE orders.sale_units u SET final_seq = v_final
        WHERE u.sale_no = v.sale_no AND u.final_seq <> v_final;
        SELECT greatest(count(*), 1) INTO still_open
        FROM (SELECT b.taken FROM orders.sale_batches b
              WHERE b.sale_no = v.sale_no AND b.seq > v_final
              ORDER BY b.seq LIMIT 64) w,
             unnest(w.taken) AS t (id)
        JOIN orders.sale_orders o ON o.id = t.id AND o.state <= 1;
        RETURN;
    END IF;

    -- Nothing is held, so what is not left was sold.
    UPDATE orders.sale_units u
    SET state = 5, seq = u.seq + 1, final_seq = u.seq + 1, next_due_at = NULL,
        sold = v.allotted - u.remaining, released = u.remaining, remaining = 0
    WHERE u.sale_no = v.sale_no
    RETURNING u.seq, u.sold INTO v_final, v_sold;
    INSERT INTO orders.sale_batches (
        seq, fence, at, sale_no, remaining_after, kind, mode, state_after, sold_out_after
    )
    SELECT u.seq, u.fence, clock_timestamp(), u.sale_no, 0, 5, 0, 5, u.sold_out
    FROM orders.sale_units u WHERE u.sale_no = v.sale_no;
    INSERT INTO orders.work_items (kind, subject_id, payload)
    VALUES ('settle_reservation', p_sale,
            jsonb_build_object('product_id', v.product_id, 'sold', v_sold))
    ON CONFLICT (kind, subject_id) DO NOTHING;
    settled := true;
END $$;

-- Starts payments, one row per request in its order. outcome: order/domain/payment.hpp (PayStart).
-- A new attempt needs the last one to be definitely declined. Holds order rows only and never waits
-- for the row of a sale.
CREATE FUNCTION orders.pay_begin_v1(p_orders uuid[], p_customers uuid[], p_paying_ms bigint)
RETURNS TABLE (outcome int, n int, amount_cents bigint, currency text)
LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz;
BEGIN
    PERFORM 1 FROM orders.sale_orders o
    WHERE o.id = ANY (p_orders) ORDER BY o.id FOR NO KEY UPDATE;
    v_now := clock_timestamp();
    RETURN QUERY
    WITH seen AS MATERIALIZED (
        SELECT q.place, o.id, s.currency, o.quantity * o.unit_price_cents AS amount_cents,
               coalesce(last.n, 0) + 1 AS next_n,
               CASE
                   WHEN o.id IS NULL THEN 6
                   WHEN o.state = 1 THEN 2
                   WHEN o.state = 2 THEN 1
                   WHEN o.state = 3 THEN 4
                   WHEN o.state = 4 THEN 3
                   WHEN o.state = 5 THEN 5
                   WHEN o.expires_at <= v_now OR last.state <> 1 THEN 3
                   WHEN q.turn > 1 THEN 2
                   ELSE 0
               END AS outcome
        FROM (
            SELECT r.*, row_number() OVER (
                PARTITION BY r.order_id, r.customer_id ORDER BY r.place
            ) AS turn
            FROM unnest(p_orders, p_customers) WITH ORDINALITY
                AS r (order_id, customer_id, place)
        ) q
        LEFT JOIN orders.sale_orders o ON o.id = q.order_id AND o.customer_id = q.customer_id
        LEFT JOIN orders.sales s ON s.sale_no = o.sale_no
        LEFT JOIN LATERAL (
            SELECT p.n, p.state FROM orders.payment_attempts p
            WHERE p.order_id = o.id ORDER BY p.n DESC LIMIT 1
        ) last ON true
    ), begun AS (
        INSERT INTO orders.payment_attempts (
            order_id, n, state, amount_cents, currency, paying_until, due_at, created_at, changed_at
        )
        SELECT f.id, f.next_n, 0, f.amount_cents, f.currency,
               v_now + p_paying_ms * interval '1 millisecond', v_now, v_now, v_now
        FROM seen f WHERE f.outcome = 0
    ), moved AS (
        UPDATE orders.sale_orders o SET state = 1, changed_at = v_now
        FROM seen f WHERE f.outcome = 0 AND o.id = f.id
    )
    SELECT f.outcome, f.next_n, f.amount_cents, f.currency FROM seen f ORDER BY f.place;
END $$;

-- Ends attempts by the provider's verdict (0 approved, 1 declined), one row per request in its
-- order. outcome: PayFinish. An approval and what it changes are one transaction; if the order has
-- moved on, the money is due back. A repeated call answers what was done. A declined order whose
-- batch was looked at is noted: either sale_reclaim_v1 had locked the order before, then its
-- progress is seen here, or it found the order locked and noted it itself.
CREATE FUNCTION orders.pay_finish_v1(p_orders uuid[], p_ns int[], p_verdicts int[])
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
        SELECT r.place, p.order_id, p.n, p.state AS was,
               coalesce(o.state = 1 AND p.state = 0, false) AS current,
               CASE
                   WHEN p.state IS NULL THEN NULL
                   WHEN p.state NOT IN (0, 3) THEN p.state
                   WHEN r.verdict = 1 THEN 1
                   WHEN o.state = 1 AND p.state = 0 THEN 2
                   ELSE 5
               END AS becomes
        FROM unnest(p_orders, p_ns, p_verdicts) WITH ORDINALITY AS r (order_id, n, verdict, place)
        LEFT JOIN orders.payment_attempts p ON p.order_id = r.order_id AND p.n = r.n
        LEFT JOIN orders.sale_orders o ON o.id = r.order_id
    ), ended AS (
        UPDATE orders.payment_attempts p SET state = f.becomes, due_at = v_now, changed_at = v_now
        FROM seen f
        WHERE p.order_id = f.order_id AND p.n = f.n AND f.becomes <> f.was
    ), moved AS (
        UPDATE orders.sale_orders o
        SET state = CASE WHEN f.becomes = 2 THEN 2 ELSE 0 END, changed_at = v_now
        FROM seen f
        WHERE o.id = f.order_id AND f.current AND f.becomes IN (1, 2)
        RETURNING o.sale_no, o.id, o.seq, o.state
    ), noted AS (
        INSERT INTO orders.late_holds (sale_no, order_id)
        SELECT m.sale_no, m.id FROM moved m JOIN orders.sale_units u ON u.sale_no = m.sale_no
        WHERE m.state = 0 AND m.seq <= u.reclaimed_seq
    )
    SELECT CASE WHEN f.becomes IS NULL THEN 3 WHEN f.becomes = 2 THEN 0 WHEN f.becomes = 1 THEN 1
                ELSE 2 END
    FROM seen f ORDER BY f.place;
END $$;

-- Payments past their time: the attempt is to be voided, the order falls back to reserved and is
-- due at once. Its batch may have been looked at already, or come due much later: hence the note.
CREATE FUNCTION orders.pay_lapse_v1(p_limit int) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz;
    v_ids uuid[];
    v_count bigint;
BEGIN
    v_ids := ARRAY(
        SELECT p.order_id FROM orders.payment_attempts p
        WHERE p.state IN (0, 3, 5) AND p.state = 0 AND p.paying_until <= clock_timestamp()
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

-- Attempts whose money must be voided or given back, for p_claim_ms this caller's.
CREATE FUNCTION orders.pay_claim_due_v1(p_limit int, p_claim_ms bigint)
RETURNS TABLE (order_id uuid, n int, amount_cents bigint, currency text, refund boolean)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    UPDATE orders.payment_attempts p
    SET due_at = clock_timestamp() + p_claim_ms * interval '1 millisecond', tries = p.tries + 1
    FROM (
        SELECT d.order_id, d.n FROM orders.payment_attempts d
        WHERE d.state IN (0, 3, 5) AND d.state <> 0 AND d.due_at <= clock_timestamp()
        ORDER BY d.paying_until LIMIT p_limit
        FOR NO KEY UPDATE SKIP LOCKED
    ) c
    WHERE p.order_id = c.order_id AND p.n = c.n
    RETURNING p.order_id, p.n, p.amount_cents, p.currency, p.state = 5;
END $$;

-- The provider confirmed a void (p_from 3) or a refund (5). An attempt that changed since is left.
CREATE FUNCTION orders.pay_confirm_due_v1(p_orders uuid[], p_ns int[], p_from int[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_count bigint;
BEGIN
    PERFORM 1 FROM orders.payment_attempts p
    WHERE p.order_id = ANY (p_orders) ORDER BY p.order_id, p.n FOR NO KEY UPDATE;
    WITH done AS (
        UPDATE orders.payment_attempts p SET state = p.state + 1, changed_at = clock_timestamp()
        FROM unnest(p_orders, p_ns, p_from) AS r (order_id, n, was)
        WHERE p.order_id = r.order_id AND p.n = r.n AND p.state = r.was AND r.was IN (3, 5)
        RETURNING 1
    )
    SELECT count(*) INTO v_count FROM done;
    RETURN v_count;
END $$;

-- Orders by id, for readers that know which; p_customer, if given, must own them. In no order.
CREATE FUNCTION orders.order_find_v1(p_orders uuid[], p_customer uuid)
RETURNS TABLE (id uuid, sale_id uuid, product_id uuid, customer_id uuid, quantity int,
               unit_price_cents bigint, currency text, state smallint, seq bigint, pos smallint,
               expires_at timestamptz)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT o.id, s.id, s.product_id, o.customer_id, o.quantity, o.unit_price_cents, s.currency,
           o.state, o.seq, o.pos, o.expires_at
    FROM orders.sale_orders o JOIN orders.sales s ON s.sale_no = o.sale_no
    WHERE o.id = ANY (p_orders) AND (p_customer IS NULL OR o.customer_id = p_customer);
END $$;

-- A customer's orders, newest first, before p_before. One probe per sale: an index of its own would
-- cost every purchase more than this costs its few readers.
CREATE FUNCTION orders.order_list_v1(p_customer uuid, p_before uuid, p_limit int)
RETURNS TABLE (id uuid, sale_id uuid, product_id uuid, customer_id uuid, quantity int,
               unit_price_cents bigint, currency text, state smallint, seq bigint, pos smallint,
               expires_at timestamptz)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT o.id, s.id, s.product_id, o.customer_id, o.quantity, o.unit_price_cents, s.currency,
           o.state, o.seq, o.pos, o.expires_at
    FROM orders.sales s
    JOIN orders.sale_orders o ON o.sale_no = s.sale_no AND o.customer_id = p_customer
    WHERE p_before IS NULL OR o.id < p_before
    ORDER BY o.id DESC LIMIT p_limit;
END $$;

-- What a worker has to move on. what: 0 preparing for longer than p_age_ms, 1 open or paused past
-- its end, 2 draining, 3 only a batch moves it on: holds came due, or it may be sold out for ever.
CREATE FUNCTION orders.sale_due_v1(p_age_ms bigint)
RETURNS TABLE (sale_id uuid, what int)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    RETURN QUERY
    SELECT s.id, 0 FROM orders.sale_units u JOIN orders.sales s ON s.sale_no = u.sale_no
    WHERE u.state = 0 AND s.created_at <= v_now - p_age_ms * interval '1 millisecond'
    UNION ALL
    SELECT s.id, 1 FROM orders.sale_units u JOIN orders.sales s ON s.sale_no = u.sale_no
    WHERE u.state IN (2, 3) AND s.ends_at <= v_now
    UNION ALL
    SELECT s.id, 2 FROM orders.sale_units u JOIN orders.sales s ON s.sale_no = u.sale_no
    WHERE u.state = 4
    UNION ALL
    SELECT s.id, 3 FROM orders.sale_units u JOIN orders.sales s ON s.sale_no = u.sale_no
    WHERE u.state IN (2, 3, 4) AND NOT u.sold_out AND (
        u.next_due_at <= v_now
        OR EXISTS (
            SELECT 1 FROM orders.late_holds l
            CROSS JOIN LATERAL (
                SELECT 1 FROM orders.sale_orders o
                WHERE o.id = l.order_id AND o.state = 0 AND o.expires_at <= v_now
                OFFSET 0
            ) due
            WHERE l.sale_no = u.sale_no
        )
        OR (u.state = 2 AND u.remaining = 0 AND s.starts_at <= v_now AND NOT EXISTS (
            SELECT 1
            FROM (SELECT b.taken FROM orders.sale_batches b
                  WHERE b.sale_no = u.sale_no AND b.seq > u.final_seq
                      AND cardinality(b.taken) > 0
                  ORDER BY b.seq LIMIT 1) w
            JOIN orders.sale_orders o ON o.id = ANY (w.taken) AND o.state <= 1
        ))
    );
END $$;

-- Ends the backends that have held the row of a sale for longer than p_older_ms: the row's xmax is
-- the transaction that has it. Runs as the caller, who may end sessions of the same role only.
CREATE FUNCTION orders.sale_end_blockers_v1(p_sale uuid, p_older_ms bigint) RETURNS bigint
LANGUAGE sql AS $$
    SELECT count(*) FILTER (WHERE pg_terminate_backend(l.pid))
    FROM orders.sales s
    JOIN orders.sale_units u ON u.sale_no = s.sale_no
    JOIN pg_locks l ON l.locktype = 'transactionid' AND l.transactionid = u.xmax AND l.granted
    JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE s.id = p_sale AND l.pid <> pg_backend_pid()
        AND a.xact_start < clock_timestamp() - p_older_ms * interval '1 millisecond';
$$;

-- Replays a stretch of a sale's history from its batches and their orders and returns every batch
-- that does not add up: units after it, order of pos, or a gap before it.
CREATE FUNCTION orders.sale_replay_v1(p_sale uuid, p_after_seq bigint, p_to_seq bigint)
RETURNS TABLE (seq bigint, remaining_before int, taken_units bigint, returned_units bigint,
               remaining_after int, problem text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    WITH sale AS (
        SELECT s.sale_no, s.allotted FROM orders.sales s WHERE s.id = p_sale
    ), stretch AS MATERIALIZED (
        SELECT b.*, s.allotted FROM sale s
        JOIN orders.sale_batches b ON b.sale_no = s.sale_no
            AND b.seq BETWEEN p_after_seq AND p_to_seq
    ), counted AS (
        SELECT b.seq, b.kind, b.fence, b.remaining_after,
               lag(b.remaining_after, 1, b.allotted) OVER w AS remaining_before,
               lag(b.seq, 1, 0::bigint) OVER w AS seq_before,
               lag(b.fence, 1, 0::bigint) OVER w AS fence_before,
               t.units AS taken_units, r.units AS returned_units,
               cardinality(b.taken) AS taken_count, cardinality(b.returned) AS returned_count,
               t.matched AS taken_matched, r.matched AS returned_matched, t.in_order
        FROM stretch b
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(o.quantity), 0) AS units, count(o.id) AS matched,
                   coalesce(bool_and(o.pos > o.pos_before), true) AS in_order
            FROM (
                SELECT q.id, q.quantity, q.pos, lag(q.pos, 1, 0::smallint) OVER (ORDER BY x.n)
                           AS pos_before
                FROM unnest(b.taken) WITH ORDINALITY AS x (id, n)
                JOIN orders.sale_orders q
                    ON q.id = x.id AND q.seq = b.seq AND q.sale_no = b.sale_no
            ) o
        ) t
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(o.quantity), 0) AS units, count(DISTINCT o.id) AS matched
            FROM unnest(b.returned) AS x (id)
            JOIN orders.sale_orders o
                ON o.id = x.id AND o.returned_seq = b.seq AND o.sale_no = b.sale_no
                AND o.state IN (3, 4)
        ) r
        WINDOW w AS (ORDER BY b.seq)
    ), judged AS (
        SELECT c.*, CASE
            WHEN c.seq <> c.seq_before + 1 THEN 'a gap in seq'
            WHEN c.fence < c.fence_before THEN 'the fence fell'
            WHEN c.taken_matched <> c.taken_count THEN 'an order of the batch is missing'
            WHEN c.returned_matched <> c.returned_count THEN 'a returned order has not come back'
            WHEN NOT c.in_order THEN 'pos does not ascend'
            WHEN c.kind <> 5
                AND c.remaining_after <> c.remaining_before + c.returned_units - c.taken_units
                THEN 'units do not add up'
        END AS problem
        FROM counted c
        WHERE c.seq > p_after_seq
    )
    SELECT j.seq, j.remaining_before, j.taken_units, j.returned_units, j.remaining_after, j.problem
    FROM judged j WHERE j.problem IS NOT NULL ORDER BY j.seq;
END $$;

DO $$
DECLARE
    f regprocedure;
    setting text;
BEGIN
    FOR f IN
        SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = 'orders'::regnamespace AND p.proname ~ '^(sale|pay|order)_.*_v1$'
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        IF f::text NOT LIKE '%sale_reclaim%' THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO orders', f);
        END IF;
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, pg_temp', f);
        IF f::text LIKE '%sale_end_blockers%' THEN
            CONTINUE;
        END IF;
        -- The room's login reads tables and calls these: units change hands in no other way.
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER', f);
        EXECUTE format('ALTER FUNCTION %s SET plan_cache_mode = force_generic_plan', f);
        FOREACH setting IN ARRAY ARRAY[
            'enable_seqscan', 'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin', 'jit'
        ] LOOP
            EXECUTE format('ALTER FUNCTION %s SET %s = off', f, setting);
        END LOOP;
    END LOOP;
    GRANT EXECUTE ON FUNCTION orders.sale_replay_v1 TO auditor;
    -- Shorter than a caller waits: it must learn that the row is blocked, not lose its connection.
    ALTER FUNCTION orders.sale_fence_v1 SET lock_timeout = '1s';
END $$;
