-- A connection that begins with an empty shop plans its movements for empty tables, and keeps those
-- plans while the tables grow: reservations were read as a whole, thousands of times a second. So the
-- functions that move stock have plans that walk indexes from the start, whatever a table holds.

-- As before; in plpgsql, which keeps its plan where an SQL function is planned in each transaction.
CREATE OR REPLACE FUNCTION product.reservation_v1(p_id uuid, p_outcome text)
RETURNS product.reservation_answer_v1
LANGUAGE plpgsql AS $$
DECLARE
    answer product.reservation_answer_v1;
BEGIN
    SELECT p_outcome, NULL::uuid, NULL::bigint, r.id, r.purpose, r.state, r.expires_at,
           r.created_at, r.closed_at,
           coalesce(l.product_ids, '{}'), coalesce(l.quantities, '{}'), coalesce(l.sold, '{}')
      INTO answer
      FROM product.reservations AS r
     CROSS JOIN (
           SELECT array_agg(line.product_id ORDER BY line.product_id) AS product_ids,
                  array_agg(line.quantity ORDER BY line.product_id) AS quantities,
                  array_agg(line.sold ORDER BY line.product_id) AS sold
             FROM product.reservation_lines AS line
            WHERE line.reservation_id = p_id
           ) AS l
     WHERE r.id = p_id;
    RETURN answer;
END
$$;

CREATE OR REPLACE FUNCTION product.with_terms_v1(p_answer product.reservation_answer_v1)
RETURNS product.reservation_answer_v2
LANGUAGE plpgsql AS $$
DECLARE
    answer product.reservation_answer_v2;
BEGIN
    SELECT p_answer.outcome, p_answer.refused_product, p_answer.available, p_answer.id,
           p_answer.purpose, p_answer.state, p_answer.expires_at, p_answer.created_at,
           p_answer.closed_at, p_answer.product_ids, p_answer.quantities, p_answer.sold,
           coalesce(array_agg(coalesce(line.name, p.name) ORDER BY p.id), '{}'),
           coalesce(array_agg(coalesce(line.price_cents, p.price_cents) ORDER BY p.id), '{}'),
           coalesce(array_agg(coalesce(line.currency, p.currency) ORDER BY p.id), '{}')
      INTO answer
      FROM product.reservation_lines AS line
      JOIN product.products AS p ON p.id = line.product_id
     WHERE line.reservation_id = p_answer.id;
    RETURN answer;
END
$$;

-- The ones the room calls; what they call is planned with their settings.
DO $$
DECLARE
    called regprocedure;
    setting text;
BEGIN
    FOR called IN
        SELECT p.oid::regprocedure FROM pg_proc AS p
         WHERE p.pronamespace = 'product'::regnamespace
           AND p.proname IN ('reserve_v1', 'reserve_v2', 'settle_v1', 'settle_v2', 'return_v1',
                             'restock_v1', 'restock_v2', 'expire_due_v1', 'reservation_v2')
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET plan_cache_mode = force_generic_plan', called);
        FOREACH setting IN ARRAY ARRAY[
            'enable_seqscan', 'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin', 'jit'
        ] LOOP
            EXECUTE format('ALTER FUNCTION %s SET %s = off', called, setting);
        END LOOP;
    END LOOP;
END
$$;
