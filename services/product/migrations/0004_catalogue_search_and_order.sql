-- The orders a list can have, and a search that ranks. What is there already gets its letters and
-- indexes in 0008, beside the shop's work; the program that needs them waits for it.

-- Letters without their marks, so that "cafe" finds "Café" and is listed beside it, on every
-- server alike: neither the C library's nor ICU's collations take part.
CREATE FUNCTION product.fold_v1(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT lower(regexp_replace(normalize(p_text, NFD), '[\u0300-\u036F]+', '', 'g'))
$$;

-- Both columns follow from others, but are kept by triggers: a generated column can be neither
-- added nor changed without rewriting the table, while every reservation waits.
--
-- `search` stays what the program before this one asks of it, a tsvector that words are looked for
-- in; it gets weights (name, category, description) and folded letters. `name_order` is what a
-- cursor carries of a name, so it is short; by bytes, whatever the database's locale.
ALTER TABLE product.products
    ALTER COLUMN search DROP EXPRESSION,
    ADD COLUMN name_order text COLLATE "C";

CREATE FUNCTION product.keep_search_v1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.search := setweight(to_tsvector('simple'::regconfig, product.fold_v1(NEW.name)), 'A')
        || setweight(to_tsvector('simple'::regconfig, product.fold_v1(NEW.category)), 'B')
        || setweight(to_tsvector('simple'::regconfig, product.fold_v1(NEW.description)), 'D');
    NEW.name_order := left(product.fold_v1(NEW.name), 64);
    RETURN NEW;
END
$$;

CREATE TRIGGER products_search_of_new BEFORE INSERT ON product.products
    FOR EACH ROW EXECUTE FUNCTION product.keep_search_v1();

-- Not by movements of stock, which name none of these columns, nor by a change of the price.
CREATE TRIGGER products_search_of_changed
    BEFORE UPDATE OF name, category, description ON product.products
    FOR EACH ROW
    WHEN (OLD.name_order IS NULL
          OR (NEW.name, NEW.category, NEW.description)
             IS DISTINCT FROM (OLD.name, OLD.category, OLD.description))
    EXECUTE FUNCTION product.keep_search_v1();

-- Products of before this step, some at a time, each batch a transaction: whoever wants one of
-- them waits for its batch at most. Goes on where it was interrupted.
CREATE PROCEDURE product.fill_search_v1(p_batch bigint)
LANGUAGE plpgsql AS $$
DECLARE
    last_id uuid := '00000000-0000-0000-0000-000000000000';
    batch uuid[];
BEGIN
    LOOP
        SELECT array_agg(found.id ORDER BY found.id) INTO batch
          FROM (SELECT id FROM product.products
                 WHERE name_order IS NULL AND id > last_id ORDER BY id LIMIT p_batch) AS found;
        EXIT WHEN batch IS NULL;
        PERFORM product.lock_products_v1(batch);
        UPDATE product.products SET name = name WHERE id = ANY (batch);
        last_id := batch[cardinality(batch)];
        COMMIT;
    END LOOP;
END
$$;

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
