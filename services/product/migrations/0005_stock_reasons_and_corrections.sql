-- Why units were added or taken away, and how books that stopped adding up are set right.

-- In the order in which a restock writes them, so that the two don't wait for each other.
ALTER TABLE product.restocks ADD COLUMN reason text;

-- Wider than the rules they replace, so the rows that are there hold already: nothing is read.
ALTER TABLE product.stock_ledger
    ADD COLUMN reason text,
    -- Of a correction: what it changes of the units set aside; `quantity` is what it changes of
    -- the stock. Both are the ledger's own mistake, and 0 where only the product's row was wrong.
    ADD COLUMN reserved_change bigint,
    DROP CONSTRAINT stock_ledger_kind_check,
    DROP CONSTRAINT stock_ledger_check,
    ADD CONSTRAINT stock_ledger_kinds CHECK (
        kind IN ('initial', 'restock', 'reserve', 'settle_sold', 'release', 'expire', 'return',
                 'correction')
    ) NOT VALID,
    ADD CONSTRAINT stock_ledger_quantities CHECK (
        CASE kind WHEN 'restock' THEN quantity <> 0
                  WHEN 'correction' THEN reason IS NOT NULL
                  ELSE quantity > 0 END
        AND (reserved_change IS NOT NULL) = (kind = 'correction')
    ) NOT VALID;

-- As restock_v1, with a reason (may be null), which belongs to what the key stands for.
CREATE FUNCTION product.restock_v2(
    p_product_id uuid, p_quantity bigint, p_reason text, p_actor text, p_key text
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
               (actor, key, product_id, quantity, reason, stock_after, reserved_after)
        VALUES (p_actor, p_key, p_product_id, p_quantity, p_reason,
                found_product.stock + p_quantity, found_product.reserved)
            ON CONFLICT (actor, key) DO NOTHING;
        IF FOUND THEN
            UPDATE product.products SET stock = stock + p_quantity WHERE id = p_product_id;
            INSERT INTO product.stock_ledger
                   (product_id, kind, quantity, reason, stock_after, reserved_after, actor)
            VALUES (p_product_id, 'restock', p_quantity, p_reason,
                    found_product.stock + p_quantity, found_product.reserved, p_actor);
            RETURN ROW('created', found_product.stock + p_quantity, found_product.reserved)
                ::product.restock_answer_v1;
        END IF;
        SELECT * INTO known FROM product.restocks WHERE actor = p_actor AND key = p_key;
    END IF;
    IF (known.product_id, known.quantity, known.reason)
       IS DISTINCT FROM (p_product_id, p_quantity, p_reason) THEN
        RETURN ROW('key_reused', NULL, NULL)::product.restock_answer_v1;
    END IF;
    RETURN ROW('repeated', known.stock_after, known.reserved_after)::product.restock_answer_v1;
END
$$;

-- Products whose row, ledger and open reservations don't agree; of one product, or of all (null).
-- One statement, so one moment.
--
-- What is set aside is what open reservations say. Which stock is right follows from the ledger's
-- chain, where each row tells the stock after it:
--   the chain is whole: every movement is there, so the product's row was changed past it
--   it has a gap and ends at the row's stock: the ledger lost movements, the row counted them
--   it is gone altogether: the row is all there is
--   it has a gap and ends elsewhere: nobody can tell (proposed_stock is null)
-- A correction begins the chain anew.
CREATE FUNCTION product.stock_differences_v1(p_product_id uuid)
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
LANGUAGE sql STABLE AS $$
    WITH movements AS (
        SELECT l.product_id, l.id, l.kind, l.stock_after,
               CASE WHEN l.kind IN ('initial', 'restock', 'return', 'correction') THEN l.quantity
                    WHEN l.kind = 'settle_sold' THEN -l.quantity
                    ELSE 0 END AS stock_change,
               CASE WHEN l.kind = 'reserve' THEN l.quantity
                    WHEN l.kind IN ('settle_sold', 'release', 'expire') THEN -l.quantity
                    WHEN l.kind = 'correction' THEN l.reserved_change
                    ELSE 0 END AS reserved_change
          FROM product.stock_ledger AS l
         WHERE p_product_id IS NULL OR l.product_id = p_product_id
    ),
    steps AS (
        SELECT *, lag(stock_after, 1, 0::bigint) OVER newest_last AS stock_before
          FROM movements
        WINDOW newest_last AS (PARTITION BY movements.product_id ORDER BY movements.id)
    ),
    books AS (
        SELECT steps.product_id,
               sum(stock_change)::bigint AS stock,
               sum(reserved_change)::bigint AS reserved,
               max(id) AS last_id,
               coalesce(max(id) FILTER (WHERE kind <> 'correction'
                                          AND stock_before + stock_change <> stock_after), 0)
                   > coalesce(max(id) FILTER (WHERE kind = 'correction'), 0) AS has_gap
          FROM steps GROUP BY steps.product_id
    ),
    held AS (
        SELECT line.product_id, sum(line.quantity)::bigint AS reserved
          FROM product.reservation_lines AS line
          JOIN product.reservations AS r ON r.id = line.reservation_id AND r.state = 'open'
         WHERE p_product_id IS NULL OR line.product_id = p_product_id
         GROUP BY line.product_id
    ),
    compared AS (
        SELECT p.id, p.name, p.stock, p.reserved,
               coalesce(books.stock, 0) AS ledger_stock,
               coalesce(books.reserved, 0) AS ledger_reserved,
               coalesce(held.reserved, 0) AS open_reserved,
               books.product_id IS NOT NULL AS has_ledger,
               coalesce(books.has_gap, false) AS has_gap,
               last.stock_after AS last_stock
          FROM product.products AS p
          LEFT JOIN books ON books.product_id = p.id
          LEFT JOIN held ON held.product_id = p.id
          LEFT JOIN product.stock_ledger AS last ON last.id = books.last_id
         WHERE p_product_id IS NULL OR p.id = p_product_id
    )
    SELECT id, compared.name, compared.stock, compared.reserved, compared.ledger_stock,
           compared.ledger_reserved, compared.open_reserved,
           CASE WHEN compared.stock = compared.ledger_stock THEN compared.stock
                WHEN NOT has_ledger THEN compared.stock
                WHEN NOT has_gap THEN compared.ledger_stock
                WHEN last_stock = compared.stock THEN compared.stock END,
           CASE WHEN compared.stock = compared.ledger_stock THEN 'reserved differs'
                WHEN NOT has_ledger THEN 'the ledger has no row of it'
                WHEN NOT has_gap THEN 'the row was changed past the ledger'
                WHEN last_stock = compared.stock THEN 'the ledger lacks movements'
                ELSE 'the ledger lacks movements and ends elsewhere' END
      FROM compared
     WHERE (compared.stock, compared.reserved, compared.ledger_reserved)
           IS DISTINCT FROM (compared.ledger_stock, compared.open_reserved, compared.open_reserved)
     ORDER BY id
$$;

CREATE TYPE product.correction_answer_v1 AS (
    outcome text,
    stock_before bigint,
    reserved_before bigint,
    stock_after bigint,
    reserved_after bigint
);

-- Sets row and ledger of one product right, under its lock, and leaves a row that says so.
-- p_trust: 'ledger' or 'row' decides which stock is right; null leaves it to what was proposed.
-- Outcomes: corrected, in_balance, undecided, below_reserved (more is set aside than would be
-- there: somebody has to count, or to settle reservations).
CREATE FUNCTION product.correct_stock_v1(
    p_product_id uuid, p_trust text, p_reason text, p_actor text
) RETURNS product.correction_answer_v1
LANGUAGE plpgsql AS $$
DECLARE
    found_difference record;
    right_stock bigint;
BEGIN
    PERFORM product.lock_products_v1(ARRAY[p_product_id]);
    SELECT * INTO found_difference FROM product.stock_differences_v1(p_product_id);
    IF NOT FOUND THEN
        RETURN ROW('in_balance', NULL, NULL, NULL, NULL)::product.correction_answer_v1;
    END IF;
    right_stock := CASE p_trust WHEN 'ledger' THEN found_difference.ledger_stock
                                WHEN 'row' THEN found_difference.stock
                                ELSE found_difference.proposed_stock END;
    IF right_stock IS NULL OR right_stock < found_difference.open_reserved THEN
        RETURN ROW(CASE WHEN right_stock IS NULL THEN 'undecided' ELSE 'below_reserved' END,
                   found_difference.stock, found_difference.reserved, right_stock,
                   found_difference.open_reserved)::product.correction_answer_v1;
    END IF;
    UPDATE product.products
       SET stock = right_stock, reserved = found_difference.open_reserved
     WHERE id = p_product_id;
    INSERT INTO product.stock_ledger
           (product_id, kind, quantity, reserved_change, stock_after, reserved_after, reason,
            actor)
    VALUES (p_product_id, 'correction', right_stock - found_difference.ledger_stock,
            found_difference.open_reserved - found_difference.ledger_reserved, right_stock,
            found_difference.open_reserved,
            format('%s (row %s and %s set aside, ledger %s and %s, open reservations %s)',
                   p_reason, found_difference.stock, found_difference.reserved,
                   found_difference.ledger_stock, found_difference.ledger_reserved,
                   found_difference.open_reserved),
            p_actor);
    RETURN ROW('corrected', found_difference.stock, found_difference.reserved, right_stock,
               found_difference.open_reserved)::product.correction_answer_v1;
END
$$;

-- For whoever owns the books; the room itself has no reason to.
REVOKE EXECUTE ON FUNCTION product.correct_stock_v1(uuid, text, text, text) FROM PUBLIC;
