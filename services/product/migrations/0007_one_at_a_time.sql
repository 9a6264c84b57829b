-- What is broken at one place holds nothing else up, and what is guessed is guessed from records.

CREATE TYPE product.expiry_answer_v1 AS (
    released bigint,
    failed bigint,
    -- Where the next call goes on; null at the end of what is due.
    last_id uuid
);

-- As expire_due_v1, up to p_limit reservations that ran out, after p_after (null: from the oldest).
-- Each is released in a subtransaction: one that can't be, since its product's row is wrong (which
-- is counted as failed) or is held by somebody, is left for the next round.
--
-- The products of all are waited for once, in id order, and briefly. Whichever isn't free then is
-- not waited for again, so that nothing waits while it holds what was taken out of order.
CREATE FUNCTION product.expire_due_v2(p_limit bigint, p_after uuid)
RETURNS product.expiry_answer_v1
LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
DECLARE
    -- Variables, because a function's value can't be looked up in an index.
    now_is timestamptz := clock_timestamp();
    after_at timestamptz := '-infinity';
    after_id uuid := '00000000-0000-0000-0000-000000000000';
    due uuid[];
    due_id uuid;
    answer product.expiry_answer_v1 := ROW(0, 0, NULL);
BEGIN
    SELECT expires_at, id INTO after_at, after_id FROM product.reservations
     WHERE id = p_after AND expires_at IS NOT NULL;
    IF NOT FOUND THEN
        after_at := '-infinity';
        after_id := '00000000-0000-0000-0000-000000000000';
    END IF;
    SELECT array_agg(found.id ORDER BY found.expires_at, found.id) INTO due
      FROM (SELECT id, expires_at FROM product.reservations
             WHERE state = 'open' AND expires_at IS NOT NULL AND expires_at <= now_is
               AND (expires_at, id) > (after_at, after_id)
             ORDER BY expires_at, id LIMIT p_limit FOR UPDATE SKIP LOCKED) AS found;
    IF due IS NULL THEN
        RETURN answer;
    END IF;
    BEGIN
        PERFORM product.lock_products_v1(ARRAY(
            SELECT product_id FROM product.reservation_lines WHERE reservation_id = ANY (due)));
    EXCEPTION WHEN lock_not_available THEN
        NULL;
    END;
    FOREACH due_id IN ARRAY due LOOP
        BEGIN
            PERFORM 1 FROM product.products
              WHERE id IN (SELECT product_id FROM product.reservation_lines
                            WHERE reservation_id = due_id)
                FOR NO KEY UPDATE NOWAIT;
            PERFORM product.release_due_v1(due_id);
            answer.released := answer.released + 1;
        EXCEPTION
            WHEN lock_not_available THEN NULL;
            WHEN check_violation THEN answer.failed := answer.failed + 1;
        END;
    END LOOP;
    IF cardinality(due) = p_limit THEN
        answer.last_id := due[p_limit];
    END IF;
    RETURN answer;
END
$$;

-- As the other functions that move stock (0006); and never all that is due is sorted for one batch,
-- but what is due in the same microsecond, on the way along the index.
DO $$
DECLARE
    setting text;
BEGIN
    ALTER FUNCTION product.expire_due_v2(bigint, uuid) SET plan_cache_mode = force_generic_plan;
    FOREACH setting IN ARRAY ARRAY[
        'enable_seqscan', 'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin',
        'enable_sort', 'jit'
    ] LOOP
        EXECUTE format('ALTER FUNCTION product.expire_due_v2(bigint, uuid) SET %s = off', setting);
    END LOOP;
END
$$;

-- As before, but by relevance the newest 5,000 matches are ranked and not whichever come first: the
-- pages of one search are of one set. Of more matches than that the newest are walked to, which
-- reads the whole order at worst; tables are never read whole, though the planner, which takes any
-- half typed word for a rare one, would.
CREATE OR REPLACE FUNCTION product.search_products_v1(
    p_search text,
    p_category text,
    p_sort text,
    p_below_number bigint,
    p_below_text text,
    p_below_id uuid,
    p_limit bigint
) RETURNS TABLE (id uuid, rank bigint)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_custom_plan SET jit = off SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    wanted tsquery := product.search_query_v1(p_search);
    matches_max CONSTANT bigint := 5000;
    is_common boolean;
    matches text;
BEGIN
    IF numnode(wanted) = 0 THEN
        RETURN;
    END IF;
    SELECT count(*) = matches_max INTO is_common
      FROM (SELECT FROM product.products AS p
             WHERE NOT p.archived AND p.search @@ wanted
               AND (p_category IS NULL OR p.category = p_category)
             LIMIT matches_max) AS counted;
    -- IS TRUE keeps the index of words out of it, OFFSET 0 that of the order.
    matches := 'SELECT p.id, p.price_cents, p.name_order, p.search FROM product.products AS p
                 WHERE NOT p.archived AND ($2 IS NULL OR p.category = $2) AND '
        || CASE WHEN is_common THEN '(p.search @@ $1) IS TRUE' ELSE 'p.search @@ $1 OFFSET 0' END;
    IF p_sort = 'relevance' THEN
        RETURN QUERY EXECUTE format(
            'SELECT ranked.id, ranked.rank
               FROM (SELECT newest.id, (ts_rank(newest.search, $1) * 1000000)::bigint AS rank
                       FROM (SELECT m.id, m.search FROM (%s) AS m
                              ORDER BY m.id DESC LIMIT $6) AS newest) AS ranked
              WHERE (ranked.rank, ranked.id) < ($3, $4)
              ORDER BY ranked.rank DESC, ranked.id DESC LIMIT $5', matches)
        USING wanted, p_category, p_below_number, p_below_id, p_limit, matches_max;
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT m.id, 0::bigint FROM (%s) AS m WHERE %s LIMIT $6', matches,
        CASE p_sort
            WHEN 'price_asc' THEN '(m.price_cents, m.id) > ($3, $5) ORDER BY m.price_cents, m.id'
            WHEN 'price_desc' THEN
                '(m.price_cents, m.id) < ($3, $5) ORDER BY m.price_cents DESC, m.id DESC'
            WHEN 'name' THEN '(m.name_order, m.id) > ($4, $5) ORDER BY m.name_order, m.id'
            ELSE 'm.id < $5 ORDER BY m.id DESC' END)
    USING wanted, p_category, p_below_number, p_below_text, p_below_id, p_limit;
END
$$;

-- What a row of the ledger changes of the units on hand, and of those set aside.
CREATE FUNCTION product.stock_change_v1(p_kind text, p_quantity bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_kind IN ('initial', 'restock', 'return', 'correction') THEN p_quantity
                WHEN p_kind = 'settle_sold' THEN -p_quantity
                ELSE 0 END
$$;

CREATE FUNCTION product.reserved_change_v1(
    p_kind text, p_quantity bigint, p_reserved_change bigint
) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_kind = 'reserve' THEN p_quantity
                WHEN p_kind IN ('settle_sold', 'release', 'expire') THEN -p_quantity
                WHEN p_kind = 'correction' THEN p_reserved_change
                ELSE 0 END
$$;

-- Products of which row, ledger and open reservations don't agree; of one, or of all (null). Of the
-- reservations only the open ones are read.
CREATE FUNCTION product.unequal_products_v1(p_product_id uuid) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN QUERY
    WITH books AS (
        SELECT l.product_id,
               sum(product.stock_change_v1(l.kind, l.quantity)) AS stock,
               sum(product.reserved_change_v1(l.kind, l.quantity, l.reserved_change)) AS reserved
          FROM product.stock_ledger AS l
         WHERE p_product_id IS NULL OR l.product_id = p_product_id
         GROUP BY l.product_id
    ),
    held AS (
        SELECT line.product_id, sum(line.quantity) AS reserved
          FROM product.reservations AS r
          JOIN product.reservation_lines AS line ON line.reservation_id = r.id
         WHERE r.state = 'open' AND (p_product_id IS NULL OR line.product_id = p_product_id)
         GROUP BY line.product_id
    )
    SELECT p.id
      FROM product.products AS p
      LEFT JOIN books ON books.product_id = p.id
      LEFT JOIN held ON held.product_id = p.id
     WHERE (p_product_id IS NULL OR p.id = p_product_id)
       AND (p.stock, p.reserved, coalesce(books.reserved, 0))
           IS DISTINCT FROM
           (coalesce(books.stock, 0), coalesce(held.reserved, 0), coalesce(held.reserved, 0));
END
$$;

-- As before, but which stock is right follows from what is on record beside the ledger: the initial
-- units (or the newest correction) and the restocks, returns and sales since. A chain of rows that
-- ends where the product's row does proves nothing: every movement carries an edited row on.
--   the ledger says what is on record: the product's row was changed past it
--   the row says it: the ledger lost movements
--   the ledger is gone altogether: the row is all there is
--   neither, or the ledger's first row is gone: nobody can tell (proposed_stock is null)
-- Those records are read for products that don't add up, and all reservations for them: books in
-- order are seen without.
CREATE OR REPLACE FUNCTION product.stock_differences_v1(p_product_id uuid)
RETURNS TABLE (
    product_id uuid,
    name text,
    stock bigint,
    reserved bigint,
    ledger_stock bigint,
    ledger_reserved bigint,
    open_reserved bigint,
    proposed_stock bigint,
    finding text
)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    unequal uuid[] := ARRAY(SELECT product.unequal_products_v1(p_product_id));
BEGIN
    IF cardinality(unequal) = 0 THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH movements AS (
        SELECT l.product_id, l.id, l.kind, l.quantity, l.stock_after, l.at,
               product.stock_change_v1(l.kind, l.quantity) AS stock_change,
               product.reserved_change_v1(l.kind, l.quantity, l.reserved_change)
                   AS reserved_change
          FROM product.stock_ledger AS l
         WHERE l.product_id = ANY (unequal)
    ),
    sums AS (
        SELECT m.product_id,
               sum(m.stock_change)::bigint AS stock,
               sum(m.reserved_change)::bigint AS reserved,
               sum(m.quantity) FILTER (WHERE m.kind = 'initial') AS initial_stock,
               max(m.id) FILTER (WHERE m.kind = 'correction') AS correction_id,
               min(m.id) AS first_id
          FROM movements AS m GROUP BY m.product_id
    ),
    books AS (
        SELECT sums.product_id, sums.stock, sums.reserved,
               coalesce(correction.at, '-infinity') AS since,
               -- A product that began with nothing has no row of it.
               coalesce(correction.stock_after, sums.initial_stock,
                        CASE WHEN first.stock_after = first.stock_change THEN 0 END)::bigint
                   AS base_stock
          FROM sums
          JOIN movements AS first ON first.id = sums.first_id
          LEFT JOIN movements AS correction ON correction.id = sums.correction_id
    ),
    records AS (
        SELECT restocks.product_id, restocks.quantity AS units, restocks.created_at AS at
          FROM product.restocks
         WHERE restocks.product_id = ANY (unequal)
        UNION ALL
        SELECT line.product_id, line.quantity, r.created_at
          FROM product.return_lines AS line JOIN product.returns AS r ON r.id = line.return_id
         WHERE line.product_id = ANY (unequal)
        UNION ALL
        SELECT line.product_id, -line.sold, r.closed_at
          FROM product.reservation_lines AS line
          JOIN product.reservations AS r ON r.id = line.reservation_id
         WHERE line.sold > 0 AND line.product_id = ANY (unequal)
    ),
    recorded AS (
        SELECT records.product_id, sum(records.units)::bigint AS units
          FROM records JOIN books ON books.product_id = records.product_id
         WHERE records.at > books.since GROUP BY records.product_id
    ),
    held AS (
        SELECT line.product_id, sum(line.quantity)::bigint AS reserved
          FROM product.reservations AS r
          JOIN product.reservation_lines AS line ON line.reservation_id = r.id
         WHERE r.state = 'open' AND line.product_id = ANY (unequal)
         GROUP BY line.product_id
    ),
    compared AS (
        SELECT p.id, p.name, p.stock, p.reserved,
               coalesce(books.stock, 0) AS ledger_stock,
               coalesce(books.reserved, 0) AS ledger_reserved,
               coalesce(held.reserved, 0) AS open_reserved,
               books.product_id IS NOT NULL AS has_ledger,
               books.base_stock + coalesce(recorded.units, 0) AS recorded_stock
          FROM product.products AS p
          LEFT JOIN books ON books.product_id = p.id
          LEFT JOIN recorded ON recorded.product_id = p.id
          LEFT JOIN held ON held.product_id = p.id
         WHERE p.id = ANY (unequal)
    )
    SELECT id, compared.name, compared.stock, compared.reserved, compared.ledger_stock,
           compared.ledger_reserved, compared.open_reserved,
           CASE WHEN compared.stock = compared.ledger_stock THEN compared.stock
                WHEN NOT has_ledger THEN compared.stock
                WHEN recorded_stock IN (compared.ledger_stock, compared.stock)
                THEN recorded_stock END,
           CASE WHEN compared.stock = compared.ledger_stock THEN 'reserved differs'
                WHEN NOT has_ledger THEN 'the ledger has no row of it'
                WHEN recorded_stock IS NULL THEN 'the ledger lacks its first row'
                WHEN recorded_stock = compared.ledger_stock
                THEN 'the row was changed past the ledger'
                WHEN recorded_stock = compared.stock THEN 'the ledger lacks movements'
                ELSE 'neither row nor ledger is what was recorded' END
      FROM compared
     ORDER BY id;
END
$$;
