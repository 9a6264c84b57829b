-- A reservation keeps the name and the price of each line as they were when it was made: what an
-- order of several lines is sold at. Lines of before this step, and those that the program before
-- this one still makes, have none; they answer with those of today.

-- All lines that are there keep these rules, having none of the columns; so none is read now, while
-- everybody waits. 0009 has the server see for itself.
ALTER TABLE product.reservation_lines
    ADD COLUMN name text,
    ADD COLUMN price_cents bigint,
    ADD COLUMN currency text,
    ADD CONSTRAINT reservation_lines_price CHECK (price_cents >= 0) NOT VALID,
    ADD CONSTRAINT reservation_lines_terms CHECK (
        num_nulls(name, price_cents, currency) IN (0, 3)
    ) NOT VALID;

CREATE TYPE product.reservation_answer_v2 AS (
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
    sold bigint[],
    names text[],
    prices_cents bigint[],
    currencies text[]
);

-- The answer with the terms of its lines, in their order.
CREATE FUNCTION product.with_terms_v1(p_answer product.reservation_answer_v1)
RETURNS product.reservation_answer_v2
LANGUAGE sql AS $$
    SELECT p_answer.outcome, p_answer.refused_product, p_answer.available, p_answer.id,
           p_answer.purpose, p_answer.state, p_answer.expires_at, p_answer.created_at,
           p_answer.closed_at, p_answer.product_ids, p_answer.quantities, p_answer.sold,
           coalesce(terms.names, '{}'), coalesce(terms.prices_cents, '{}'),
           coalesce(terms.currencies, '{}')
      FROM (
           SELECT array_agg(coalesce(line.name, p.name) ORDER BY p.id) AS names,
                  array_agg(coalesce(line.price_cents, p.price_cents) ORDER BY p.id)
                      AS prices_cents,
                  array_agg(coalesce(line.currency, p.currency) ORDER BY p.id) AS currencies
             FROM product.reservation_lines AS line
             JOIN product.products AS p ON p.id = line.product_id
            WHERE line.reservation_id = p_answer.id
           ) AS terms
$$;

CREATE FUNCTION product.reservation_v2(p_id uuid, p_outcome text)
RETURNS SETOF product.reservation_answer_v2
LANGUAGE sql AS $$
    SELECT terms.*
      FROM product.reservation_v1(p_id, p_outcome) AS found,
           product.with_terms_v1(found) AS terms
     WHERE found.id IS NOT NULL
$$;

-- As reserve_v1, and the lines' terms are frozen under the lock of their products.
CREATE FUNCTION product.reserve_v2(
    p_id uuid,
    p_purpose text,
    p_product_ids uuid[],
    p_quantities bigint[],
    p_expires_in_ms bigint,
    p_actor text
) RETURNS product.reservation_answer_v2
LANGUAGE plpgsql AS $$
DECLARE
    answer product.reservation_answer_v1;
BEGIN
    answer := product.reserve_v1(
        p_id, p_purpose, p_product_ids, p_quantities, p_expires_in_ms, p_actor);
    IF answer.outcome = 'created' THEN
        UPDATE product.reservation_lines AS line
           SET name = p.name, price_cents = p.price_cents, currency = p.currency
          FROM product.products AS p
         WHERE line.reservation_id = p_id AND p.id = line.product_id;
    END IF;
    RETURN product.with_terms_v1(answer);
END
$$;

CREATE FUNCTION product.settle_v2(
    p_id uuid, p_product_ids uuid[], p_sold bigint[], p_actor text
) RETURNS product.reservation_answer_v2
LANGUAGE plpgsql AS $$
BEGIN
    RETURN product.with_terms_v1(product.settle_v1(p_id, p_product_ids, p_sold, p_actor));
END
$$;
