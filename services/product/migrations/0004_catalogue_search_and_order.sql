-- The orders a list can have, and a search that ranks. Rewrites the table of products once: some
-- seconds for 100,000 of them, in which reservations wait; running flash sales do not need it.

-- Letters without their marks, so that "cafe" finds "Café" and is listed beside it, on every
-- server alike: neither the C library's nor ICU's collations take part.
CREATE FUNCTION product.fold_v1(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT lower(regexp_replace(normalize(p_text, NFD), '[\u0300-\u036F]+', '', 'g'))
$$;

-- `search` stays what the program before this one asks of it, a tsvector that words are looked for
-- in; it gets weights (name, category, description) and folded letters.
ALTER TABLE product.products
    DROP COLUMN search,
    ADD COLUMN search tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('simple'::regconfig, product.fold_v1(name)), 'A')
        || setweight(to_tsvector('simple'::regconfig, product.fold_v1(category)), 'B')
        || setweight(to_tsvector('simple'::regconfig, product.fold_v1(description)), 'D')
    ) STORED,
    -- What a cursor carries of a name, so it is short. By bytes, whatever the database's locale.
    ADD COLUMN name_order text COLLATE "C" GENERATED ALWAYS AS (
        left(product.fold_v1(name), 64)
    ) STORED;

CREATE INDEX products_search ON product.products USING gin (search);
CREATE INDEX products_by_price ON product.products (price_cents, id) WHERE NOT archived;
CREATE INDEX products_by_name ON product.products (name_order, id) WHERE NOT archived;
CREATE INDEX products_of_category_by_price ON product.products (category, price_cents, id)
    WHERE NOT archived;
CREATE INDEX products_of_category_by_name ON product.products (category, name_order, id)
    WHERE NOT archived;

-- What a customer typed: words, "phrases", -without, this or that. The last word may be half
-- typed; of fewer than three letters it would be the begin of too many.
CREATE FUNCTION product.search_query_v1(p_text text) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    -- 200 characters fold to more; a word beyond 2046 bytes would be an error.
    folded text := left(product.fold_v1(p_text), 400);
    wanted tsquery := websearch_to_tsquery('simple'::regconfig, folded);
BEGIN
    IF folded ~ '[[:alnum:]]$' AND wanted::text ~ '(^|[^!])''[[:alnum:]]{3,}''$' THEN
        RETURN (wanted::text || ':*')::tsquery;
    END IF;
    RETURN wanted;
END
$$;

-- One page of what is found, below a position: its sort value and id, which the caller sets beyond
-- the end for the first page. Ranks are in millionths, so that a position compares exactly.
--
-- A word may be in every product, and the planner can't tell of one that is half typed. So the
-- matches are counted up to a bound first: fewer are all sorted; of more, the wanted order is
-- walked, where the next match is never far. By relevance the first 5,000 that are found are
-- ranked. 100,000 products, a word of all of them: 20 ms; sorting them all took 110.
CREATE FUNCTION product.search_products_v1(
    p_search text,
    p_category text,
    p_sort text,
    p_below_number bigint,
    p_below_text text,
    p_below_id uuid,
    p_limit bigint
) RETURNS TABLE (id uuid, rank bigint)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
    wanted tsquery := product.search_query_v1(p_search);
    matches_max CONSTANT bigint := 5000;
    is_common boolean;
BEGIN
    IF numnode(wanted) = 0 THEN
        RETURN;
    END IF;
    IF p_sort = 'relevance' THEN
        RETURN QUERY
        SELECT ranked.id, ranked.rank
          FROM (SELECT p.id, (ts_rank(p.search, wanted) * 1000000)::bigint AS rank
                  FROM product.products AS p
                 WHERE NOT p.archived AND p.search @@ wanted
                   AND (p_category IS NULL OR p.category = p_category)
                 LIMIT matches_max) AS ranked
         WHERE (ranked.rank, ranked.id) < (p_below_number, p_below_id)
         ORDER BY ranked.rank DESC, ranked.id DESC LIMIT p_limit;
        RETURN;
    END IF;
    SELECT count(*) = matches_max INTO is_common
      FROM (SELECT FROM product.products AS p
             WHERE NOT p.archived AND p.search @@ wanted
               AND (p_category IS NULL OR p.category = p_category)
             LIMIT matches_max) AS counted;
    -- IS TRUE keeps the index of words out of it, OFFSET 0 that of the order.
    RETURN QUERY EXECUTE format(
        'SELECT m.id, 0::bigint
           FROM (SELECT p.id, p.price_cents, p.name_order FROM product.products AS p
                  WHERE NOT p.archived AND ($2 IS NULL OR p.category = $2) AND %s) AS m
          WHERE %s LIMIT $6',
        CASE WHEN is_common THEN '(p.search @@ $1) IS TRUE' ELSE 'p.search @@ $1 OFFSET 0' END,
        CASE p_sort
            WHEN 'price_asc' THEN '(m.price_cents, m.id) > ($3, $5) ORDER BY m.price_cents, m.id'
            WHEN 'price_desc' THEN
                '(m.price_cents, m.id) < ($3, $5) ORDER BY m.price_cents DESC, m.id DESC'
            WHEN 'name' THEN '(m.name_order, m.id) > ($4, $5) ORDER BY m.name_order, m.id'
            ELSE 'm.id < $5 ORDER BY m.id DESC' END)
    USING wanted, p_category, p_below_number, p_below_text, p_below_id, p_limit;
END
$$;
