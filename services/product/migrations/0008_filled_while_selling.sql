-- no-transaction
-- What takes long with many products and reservations, beside the shop's work: nobody waits for
-- more than one batch of rows.

CALL product.fill_search_v1(500);

CREATE INDEX CONCURRENTLY products_by_price ON product.products (price_cents, id)
    WHERE NOT archived;
CREATE INDEX CONCURRENTLY products_by_name ON product.products (name_order, id)
    WHERE NOT archived;
CREATE INDEX CONCURRENTLY products_of_category_by_price
    ON product.products (category, price_cents, id) WHERE NOT archived;
CREATE INDEX CONCURRENTLY products_of_category_by_name
    ON product.products (category, name_order, id) WHERE NOT archived;

-- Few reservations of all that ever were are open. By the order in which they run out, as the
-- expiry worker (also the one before this program) walks them; in the place of an index that left
-- out those of flash sales, which never do.
CREATE INDEX CONCURRENTLY reservations_open ON product.reservations (expires_at, id)
    WHERE state = 'open';
DROP INDEX CONCURRENTLY IF EXISTS product.reservations_due;
