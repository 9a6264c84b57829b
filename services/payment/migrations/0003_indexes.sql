-- no-transaction
-- Built beside the payments of those who write the ledger already.
CREATE INDEX CONCURRENTLY charges_pending ON sandbox.charges (settles_at) WHERE state = 'pending';
CREATE INDEX CONCURRENTLY webhooks_closed ON sandbox.webhooks
    ((coalesce(delivered_at, abandoned_at)))
    WHERE delivered_at IS NOT NULL OR abandoned_at IS NOT NULL;
