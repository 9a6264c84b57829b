-- no-transaction
-- Settlements and returns stay, like the sale and the order that they are of: they are few, the
-- order's history and the audit read them.
CREATE INDEX CONCURRENTLY work_items_prunable ON orders.work_items (done_at)
    WHERE kind = 'release_reservation' AND done_at IS NOT NULL;
