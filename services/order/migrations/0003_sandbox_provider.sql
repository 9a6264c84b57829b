-- The sandbox payment provider's own book. It stands for a system outside of the shop: no table of
-- the shop refers to it, and one row per "order:n" is all it knows.
CREATE SCHEMA IF NOT EXISTS sandbox;

-- state: charged, declined, voided (never to be charged), refunded.
CREATE TABLE IF NOT EXISTS sandbox.charges (
    provider_key text PRIMARY KEY,
    amount_cents bigint NOT NULL,
    currency text NOT NULL,
    state text NOT NULL CHECK (state IN ('charged', 'declined', 'voided', 'refunded')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

GRANT USAGE ON SCHEMA sandbox TO orders, auditor;
GRANT SELECT, INSERT, UPDATE ON sandbox.charges TO orders;
GRANT SELECT ON sandbox.charges TO auditor;
