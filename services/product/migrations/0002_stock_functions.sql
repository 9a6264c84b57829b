-- The movements of stock, each one call and one transaction. A function's name carries its
-- version: the program before this one goes on calling the functions it knows.
--
-- Every function is VOLATILE and runs READ COMMITTED, so each statement after a lock was waited
-- for sees what the former holder committed.

CREATE TYPE product.reservation_answer_v1 AS (
    outcome text,
    refused_product uuid,
    available bigint,
    id uuid,
    purpose text,
    state text,
    expires_at timestamptz,
    created_at timestamptz,
    closed_at timestamptz,
    product_ids uuid[],
    quantities bigint[],
    sold bigint[]
);

-- The reservation as it is, under an outcome; all null if there is none.
CREATE FUNCTION product.reservation_v1(p_id uuid, p_outcome text)
RETURNS product.reservation_answer_v1
LANGUAGE sql AS $$
    SELECT p_outcome, NULL::uuid, NULL::bigint, r.id, r.purpose, r.state, r.expires_at,
           r.created_at, r.closed_at,
           coalesce(l.product_ids, '{}'), coalesce(l.quantities, '{}'), coalesce(l.sold, '{}')
      FROM product.reservations AS r
     CROSS JOIN (
           SELECT array_agg(product_id ORDER BY product_id) AS product_ids,
                  array_agg(quantity ORDER BY product_id) AS quantities,
                  array_agg(reservation_lines.sold ORDER BY product_id) AS sold
             FROM product.reservation_lines
            WHERE reservation_id = p_id
           ) AS l
     WHERE r.id = p_id
$$;

CREATE FUNCTION product.reservation_refusal_v1(
    p_outcome text, p_product uuid, p_available bigint
) RETURNS product.reservation_answer_v1
LANGUAGE sql IMMUTABLE AS $$
    SELECT p_outcome, p_product, p_available, NULL::uuid, NULL::text, NULL::text,
           NULL::timestamptz, NULL::timestamptz, NULL::timestamptz, NULL::uuid[],
           NULL::bigint[], NULL::bigint[]
$$;

-- In id order, whoever asks: this is what keeps movements from waiting for each other in a ring.
CREATE FUNCTION product.lock_products_v1(p_product_ids uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM product.products WHERE id = ANY (p_product_ids)
      ORDER BY id FOR NO KEY UPDATE;
END
$$;

-- What a create finds when its id is taken already.
CREATE FUNCTION product.repeat_reservation_v1(
    p_id uuid, p_purpose text, p_product_ids uuid[], p_quantities bigint[], p_expires_in_ms bigint
) RETURNS product.reservation_answer_v1
LANGUAGE plpgsql AS $$
DECLARE
    known product.reservation_answer_v1 := product.reservation_v1(p_id, 'repeated');
    known_expires_in_ms bigint;
BEGIN
    SELECT expires_in_ms INTO known_expires_in_ms FROM product.reservations WHERE id = p_id;
    IF known.state <> 'tombstone'
       AND (known.purpose, known.product_ids, known.quantities, known_expires_in_ms)
           IS DISTINCT FROM (p_purpose, p_product_ids, p_quantities, p_expires_in_ms) THEN
        known.outcome := 'differs';
    ELSIF known.state <> 'open' OR known.expires_at <= clock_timestamp() THEN
        known.outcome := 'closed';
    END IF;
    RETURN known;
END
$$;

-- p_product_ids: ascending, each once. Outcomes: created, repeated, differs, closed,
-- product_unknown, product_archived, not_enough.
CREATE FUNCTION product.reserve_v1(
    p_id uuid,
    p_purpose text,
    p_product_ids uuid[],
    p_quantities bigint[],
    p_expires_in_ms bigint,
    p_actor text
) RETURNS product.reservation_answer_v1
LANGUAGE plpgsql AS $$
DECLARE
    refused record;
    began timestamptz;
BEGIN
    PERFORM product.lock_products_v1(p_product_ids);
    -- Looked for after the lock: a twin of this call may just have taken the last units.
    PERFORM 1 FROM product.reservations WHERE id = p_id;
    IF FOUND THEN
        RETURN product.repeat_reservation_v1(
            p_id, p_purpose, p_product_ids, p_quantities, p_expires_in_ms);
    END IF;

    SELECT CASE WHEN p.id IS NULL THEN 'product_unknown'
                WHEN p.archived THEN 'product_archived'
                ELSE 'not_enough' END AS outcome,
           wanted.product_id,
           p.stock - p.reserved AS available
      INTO refused
      FROM unnest(p_product_ids, p_quantities) AS wanted (product_id, quantity)
      LEFT JOIN product.products AS p ON p.id = wanted.product_id
     WHERE p.id IS NULL OR p.archived OR p.stock - p.reserved < wanted.quantity
     ORDER BY p.id IS NULL DESC, p.archived DESC, wanted.product_id
     LIMIT 1;
    IF FOUND THEN
        RETURN product.reservation_refusal_v1(
            refused.outcome, refused.product_id, refused.available);
    END IF;

    began := clock_timestamp();
    INSERT INTO product.reservations
           (id, purpose, state, expires_in_ms, expires_at, created_at, created_by)
    VALUES (p_id, p_purpose, 'open', p_expires_in_ms,
            began + p_expires_in_ms * interval '1 millisecond', began, p_actor)
        ON CONFLICT (id) DO NOTHING;
    IF NOT FOUND THEN
        -- Taken meanwhile by a settle's tombstone or by a create of other products.
        RETURN product.repeat_reservation_v1(
            p_id, p_purpose, p_product_ids, p_quantities, p_expires_in_ms);
    END IF;
    INSERT INTO product.reservation_lines (reservation_id, product_id, quantity)
    SELECT p_id, wanted.product_id, wanted.quantity
      FROM unnest(p_product_ids, p_quantities) AS wanted (product_id, quantity);
    WITH moved AS (
        UPDATE product.products AS p
           SET reserved = p.reserved + wanted.quantity
          FROM unnest(p_product_ids, p_quantities) AS wanted (product_id, quantity)
         WHERE p.id = wanted.product_id
        RETURNING p.id, wanted.quantity, p.stock, p.reserved
    )
    INSERT INTO product.stock_ledger
           (product_id, kind, quantity, reservation_id, stock_after, reserved_after, actor)
    SELECT id, 'reserve', quantity, p_id, stock, reserved, p_actor FROM moved;
    RETURN product.reservation_v1(p_id, 'created');
END
$$;

-- Gives back what a due reservation set aside. The caller has locked its row and its products.
CREATE FUNCTION product.release_due_v1(p_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    WITH moved AS (
        UPDATE product.products AS p
           SET reserved = p.reserved - line.quantity
          FROM product.reservation_lines AS line
         WHERE line.reservation_id = p_id AND p.id = line.product_id
        RETURNING p.id, line.quantity, p.stock, p.reserved
    )
    INSERT INTO product.stock_ledger
           (product_id, kind, quantity, reservation_id, stock_after, reserved_after, actor)
    SELECT id, 'expire', quantity, p_id, stock, reserved, 'expiry' FROM moved;
    UPDATE product.reservations SET state = 'released', closed_at = clock_timestamp()
     WHERE id = p_id;
END
$$;

-- Up to p_limit reservations that ran out; rows that somebody works on are left to them.
-- Returns how many were released.
CREATE FUNCTION product.expire_due_v1(p_limit bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    -- A variable, because the function's value can't be looked up in an index.
    now_is timestamptz := clock_timestamp();
    due uuid[];
    due_id uuid;
BEGIN
    SELECT array_agg(id) INTO due
      FROM (SELECT id FROM product.reservations
             WHERE state = 'open' AND expires_at IS NOT NULL AND expires_at <= now_is
             ORDER BY expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED) AS found;
    IF due IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM product.lock_products_v1(ARRAY(
        SELECT product_id FROM product.reservation_lines WHERE reservation_id = ANY (due)));
    FOREACH due_id IN ARRAY due LOOP
        PERFORM product.release_due_v1(due_id);
    END LOOP;
    RETURN cardinality(due);
END
$$;

-- Absolute and final. p_product_ids: ascending, each once. Outcomes: settled, repeated,
-- settled_differently, expired, unknown, lines_mismatch.
CREATE FUNCTION product.settle_v1(
    p_id uuid, p_product_ids uuid[], p_sold bigint[], p_actor text
) RETURNS product.reservation_answer_v1
LANGUAGE plpgsql AS $$
DECLARE
    nothing_sold boolean := 0 = ALL (p_sold);
    known product.reservations;
    mismatch uuid;
BEGIN
    SELECT * INTO known FROM product.reservations WHERE id = p_id FOR UPDATE;
    IF NOT FOUND THEN
        IF NOT nothing_sold THEN
            RETURN product.reservation_refusal_v1('unknown', NULL, NULL);
        END IF;
        INSERT INTO product.reservations (id, state, closed_at, created_by)
        VALUES (p_id, 'tombstone', clock_timestamp(), p_actor)
            ON CONFLICT (id) DO NOTHING;
        IF FOUND THEN
            RETURN product.reservation_v1(p_id, 'settled');
        END IF;
        SELECT * INTO known FROM product.reservations WHERE id = p_id FOR UPDATE;
    END IF;

    IF known.state = 'open' THEN
        PERFORM product.lock_products_v1(ARRAY(
            SELECT product_id FROM product.reservation_lines WHERE reservation_id = p_id));
        IF known.expires_at <= clock_timestamp() THEN
            PERFORM product.release_due_v1(p_id);
            known.state := 'released';
        END IF;
    END IF;
    IF known.state IN ('released', 'tombstone') THEN
        RETURN product.reservation_v1(p_id, CASE
            WHEN nothing_sold THEN 'repeated'
            WHEN known.state = 'released' THEN 'expired'
            ELSE 'settled_differently' END);
    END IF;

    SELECT coalesce(line.product_id, told.product_id) INTO mismatch
      FROM (SELECT * FROM product.reservation_lines WHERE reservation_id = p_id) AS line
      FULL JOIN unnest(p_product_ids, p_sold) AS told (product_id, sold)
           ON told.product_id = line.product_id
     WHERE line.product_id IS NULL OR told.product_id IS NULL OR told.sold > line.quantity
        OR (known.state = 'settled' AND told.sold <> line.sold)
     ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        IF known.state = 'settled' THEN
            RETURN product.reservation_v1(p_id, 'settled_differently');
        END IF;
        RETURN product.reservation_refusal_v1('lines_mismatch', mismatch, NULL);
    END IF;
    IF known.state = 'settled' THEN
        RETURN product.reservation_v1(p_id, 'repeated');
    END IF;

    UPDATE product.reservation_lines AS line
       SET sold = told.sold
      FROM unnest(p_product_ids, p_sold) AS told (product_id, sold)
     WHERE line.reservation_id = p_id AND line.product_id = told.product_id;
    WITH moved AS (
        UPDATE product.products AS p
           SET stock = p.stock - line.sold, reserved = p.reserved - line.quantity
          FROM product.reservation_lines AS line
         WHERE line.reservation_id = p_id AND p.id = line.product_id
        RETURNING p.id, p.stock, p.reserved, line.sold, line.quantity - line.sold AS released
    )
    INSERT INTO product.stock_ledger
           (product_id, kind, quantity, reservation_id, stock_after, reserved_after, actor)
    SELECT id, 'settle_sold', sold, p_id, stock, reserved + released, p_actor
      FROM moved WHERE sold > 0
     UNION ALL
    SELECT id, 'release', released, p_id, stock, reserved, p_actor
      FROM moved WHERE released > 0;
    UPDATE product.reservations SET state = 'settled', closed_at = clock_timestamp()
     WHERE id = p_id;
    RETURN product.reservation_v1(p_id, 'settled');
END
$$;

CREATE TYPE product.return_answer_v1 AS (
    outcome text,
    refused_product uuid,
    created_at timestamptz
);

CREATE FUNCTION product.repeat_return_v1(
    p_id uuid, p_order_id uuid, p_product_ids uuid[], p_quantities bigint[]
) RETURNS product.return_answer_v1
LANGUAGE sql AS $$
    SELECT CASE WHEN (r.order_id, l.product_ids, l.quantities)
                     IS NOT DISTINCT FROM (p_order_id, p_product_ids, p_quantities)
                THEN 'repeated' ELSE 'differs' END,
           NULL::uuid, r.created_at
      FROM product.returns AS r
     CROSS JOIN (
           SELECT array_agg(product_id ORDER BY product_id) AS product_ids,
                  array_agg(quantity ORDER BY product_id) AS quantities
             FROM product.return_lines WHERE return_id = p_id
           ) AS l
     WHERE r.id = p_id
$$;

-- Refunded units come back to stock. p_product_ids: ascending, each once. Outcomes: created,
-- repeated, differs, product_unknown.
CREATE FUNCTION product.return_v1(
    p_id uuid, p_order_id uuid, p_product_ids uuid[], p_quantities bigint[], p_actor text
) RETURNS product.return_answer_v1
LANGUAGE plpgsql AS $$
DECLARE
    missing uuid;
    began timestamptz := clock_timestamp();
BEGIN
    PERFORM product.lock_products_v1(p_product_ids);
    SELECT wanted INTO missing FROM unnest(p_product_ids) AS wanted
     WHERE NOT EXISTS (SELECT FROM product.products WHERE id = wanted) ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        RETURN ROW('product_unknown', missing, NULL)::product.return_answer_v1;
    END IF;
    INSERT INTO product.returns (id, order_id, created_at, created_by)
    VALUES (p_id, p_order_id, began, p_actor) ON CONFLICT (id) DO NOTHING;
    IF NOT FOUND THEN
        RETURN product.repeat_return_v1(p_id, p_order_id, p_product_ids, p_quantities);
    END IF;
    INSERT INTO product.return_lines (return_id, product_id, quantity)
    SELECT p_id, given.product_id, given.quantity
      FROM unnest(p_product_ids, p_quantities) AS given (product_id, quantity);
    WITH moved AS (
        UPDATE product.products AS p
           SET stock = p.stock + given.quantity
          FROM unnest(p_product_ids, p_quantities) AS given (product_id, quantity)
         WHERE p.id = given.product_id
        RETURNING p.id, given.quantity, p.stock, p.reserved
    )
    INSERT INTO product.stock_ledger
           (product_id, kind, quantity, return_id, stock_after, reserved_after, actor)
    SELECT id, 'return', quantity, p_id, stock, reserved, p_actor FROM moved;
    RETURN ROW('created', NULL, began)::product.return_answer_v1;
END
$$;

CREATE TYPE product.restock_answer_v1 AS (
    outcome text,
    stock bigint,
    reserved bigint
);

-- Adds units, or takes back (negative) what nobody has set aside. Outcomes: created, repeated,
-- key_reused, product_unknown, below_reserved.
CREATE FUNCTION product.restock_v1(
    p_product_id uuid, p_quantity bigint, p_actor text, p_key text
) RETURNS product.restock_answer_v1
LANGUAGE plpgsql AS $$
DECLARE
    found_product record;
    known product.restocks;
BEGIN
    SELECT stock, reserved INTO found_product FROM product.products
     WHERE id = p_product_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN ROW('product_unknown', NULL, NULL)::product.restock_answer_v1;
    END IF;
    SELECT * INTO known FROM product.restocks WHERE actor = p_actor AND key = p_key;
    IF NOT FOUND THEN
        IF found_product.stock + p_quantity < found_product.reserved THEN
            RETURN ROW('below_reserved', found_product.stock, found_product.reserved)
                ::product.restock_answer_v1;
        END IF;
        INSERT INTO product.restocks
               (actor, key, product_id, quantity, stock_after, reserved_after)
        VALUES (p_actor, p_key, p_product_id, p_quantity, found_product.stock + p_quantity,
                found_product.reserved)
            ON CONFLICT (actor, key) DO NOTHING;
        IF FOUND THEN
            UPDATE product.products SET stock = stock + p_quantity WHERE id = p_product_id;
            INSERT INTO product.stock_ledger
                   (product_id, kind, quantity, stock_after, reserved_after, actor)
            VALUES (p_product_id, 'restock', p_quantity, found_product.stock + p_quantity,
                    found_product.reserved, p_actor);
            RETURN ROW('created', found_product.stock + p_quantity, found_product.reserved)
                ::product.restock_answer_v1;
        END IF;
        SELECT * INTO known FROM product.restocks WHERE actor = p_actor AND key = p_key;
    END IF;
    IF (known.product_id, known.quantity) IS DISTINCT FROM (p_product_id, p_quantity) THEN
        RETURN ROW('key_reused', NULL, NULL)::product.restock_answer_v1;
    END IF;
    RETURN ROW('repeated', known.stock_after, known.reserved_after)::product.restock_answer_v1;
END
$$;

-- p_key may be null: then every call makes a product. Outcomes: created, repeated, key_reused;
-- with the product's id.
CREATE FUNCTION product.create_product_v1(
    p_id uuid,
    p_name text,
    p_description text,
    p_category text,
    p_price_cents bigint,
    p_currency text,
    p_image text,
    p_initial_stock bigint,
    p_actor text,
    p_key text
) RETURNS TABLE (outcome text, product_id uuid)
LANGUAGE plpgsql AS $$
DECLARE
    request bytea := sha256(convert_to(jsonb_build_array(
        p_name, p_description, p_category, p_price_cents, p_currency, p_image, p_initial_stock
    )::text, 'UTF8'));
BEGIN
    INSERT INTO product.products
           (id, name, description, category, price_cents, currency, image, stock, created_by,
            created_key, created_request)
    VALUES (p_id, p_name, p_description, p_category, p_price_cents, p_currency, p_image,
            p_initial_stock, p_actor, p_key, request)
        ON CONFLICT (created_by, created_key) DO NOTHING;
    IF FOUND THEN
        IF p_initial_stock > 0 THEN
            INSERT INTO product.stock_ledger
                   (product_id, kind, quantity, stock_after, reserved_after, actor)
            VALUES (p_id, 'initial', p_initial_stock, p_initial_stock, 0, p_actor);
        END IF;
        RETURN QUERY SELECT 'created'::text, p_id;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT CASE WHEN p.created_request = request THEN 'repeated'::text ELSE 'key_reused' END, p.id
      FROM product.products AS p
     WHERE p.created_by = p_actor AND p.created_key = p_key;
END
$$;
