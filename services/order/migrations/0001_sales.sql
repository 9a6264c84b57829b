-- Tables of flash sales. The schema and the roles `orders` (the room's login) and `auditor` exist
-- already; this runs as the owner of the schema. The hot tables are narrow, have no index that a
-- change of state would touch, and no foreign keys: only the functions of 0002 write them, and a
-- foreign key would lock the sale's row once more per order.

-- What never changes once a sale is open. Hot tables name a sale by its number.
CREATE TABLE orders.sales (
    id uuid PRIMARY KEY,
    sale_no int GENERATED ALWAYS AS IDENTITY UNIQUE,
    product_id uuid NOT NULL,
    name text NOT NULL,
    unit_price_cents bigint NOT NULL CHECK (unit_price_cents >= 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    allotted int NOT NULL CHECK (allotted > 0),
    units_per_customer int NOT NULL CHECK (units_per_customer > 0),
    holds_per_customer int NOT NULL DEFAULT 3 CHECK (holds_per_customer > 0),
    hold_ms bigint NOT NULL CHECK (hold_ms > 0),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    created_by uuid NOT NULL,
    created_key uuid NOT NULL,
    fingerprint uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    refusal text,
    UNIQUE (created_by, created_key)
);

-- The row that a sale is fought over. Half-empty pages and no index beside the key keep each of
-- its updates a heap-only one.
CREATE TABLE orders.sale_units (
    sale_no int PRIMARY KEY,
    state smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 5),
    sold_out boolean NOT NULL DEFAULT false,
    fence bigint NOT NULL DEFAULT 0,
    seq bigint NOT NULL DEFAULT 0,
    remaining int NOT NULL CHECK (remaining >= 0),
    -- Holds of batches up to here were looked at when they came due.
    reclaimed_seq bigint NOT NULL DEFAULT 0,
    -- Orders taken up to here are paid, cancelled, expired or refunded. May lag behind the truth.
    final_seq bigint NOT NULL DEFAULT 0,
    -- When the first batch after reclaimed_seq that took something comes due.
    next_due_at timestamptz,
    -- Fixed by settlement.
    sold int NOT NULL DEFAULT 0,
    released int NOT NULL DEFAULT 0
) WITH (fillfactor = 30, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- A sale as readers see it.
CREATE VIEW orders.sale_standings AS
SELECT s.id, s.product_id, s.name, s.unit_price_cents, s.currency, s.allotted,
       s.units_per_customer, s.holds_per_customer, s.hold_ms, s.starts_at, s.ends_at, s.created_at,
       u.state, u.fence, u.seq, u.remaining, u.sold_out, u.sold, u.released,
       coalesce(s.refusal, '') AS refusal, s.sale_no
FROM orders.sales s JOIN orders.sale_units u USING (sale_no);

-- state: 0 reserved, 1 paying, 2 paid, 3 cancelled, 4 expired, 5 refunded.
-- The room for three states per order in a page keeps their changes off the indexes.
CREATE TABLE orders.sale_orders (
    expires_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    seq bigint NOT NULL,
    returned_seq bigint,
    unit_price_cents bigint NOT NULL,
    sale_no int NOT NULL,
    quantity int NOT NULL CHECK (quantity > 0),
    pos smallint NOT NULL,
    state smallint NOT NULL CHECK (state BETWEEN 0 AND 5),
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    key uuid NOT NULL,
    fingerprint uuid NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (sale_no, customer_id, key)
) WITH (fillfactor = 60);

-- The history of a sale, one row per seq, without gaps. kind: 0 batch, 1 open, 2 pause, 3 resume,
-- 4 end, 5 settle. `taken` is in the order of pos and is how due holds are found: all orders of a
-- batch come due together, at + hold_ms. `refused` counts refusals by outcome (index outcome + 1).
CREATE TABLE orders.sale_batches (
    seq bigint NOT NULL,
    fence bigint NOT NULL,
    at timestamptz NOT NULL,
    sale_no int NOT NULL,
    remaining_after int NOT NULL CHECK (remaining_after >= 0),
    kind smallint NOT NULL CHECK (kind BETWEEN 0 AND 5),
    mode smallint NOT NULL CHECK (mode IN (0, 1)),
    state_after smallint NOT NULL,
    sold_out_after boolean NOT NULL,
    actor uuid,
    taken uuid[] NOT NULL DEFAULT '{}',
    returned uuid[] NOT NULL DEFAULT '{}',
    refused int[],
    PRIMARY KEY (sale_no, seq)
) WITH (toast_tuple_target = 8160);
-- Random bytes don't compress: trying costs more than writing them.
ALTER TABLE orders.sale_batches
    ALTER COLUMN taken SET STORAGE EXTERNAL,
    ALTER COLUMN returned SET STORAGE EXTERNAL;

-- Orders that come due apart from their batch: fallen back from a payment that was declined after
-- the batch was looked at or that lapsed, or locked by a payment at that moment. Appended by
-- whoever finds one, consumed under the sale's row lock. A note may be there twice.
CREATE TABLE orders.late_holds (
    sale_no int NOT NULL,
    note_no bigint GENERATED ALWAYS AS IDENTITY,
    order_id uuid NOT NULL,
    PRIMARY KEY (sale_no, note_no)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- state: 0 open, 1 declined, 2 paid, 3 void_due, 4 voided, 5 refund_due, 6 refunded.
CREATE TABLE orders.payment_attempts (
    order_id uuid NOT NULL,
    n int NOT NULL CHECK (n > 0),
    state smallint NOT NULL CHECK (state BETWEEN 0 AND 6),
    tries int NOT NULL DEFAULT 0,
    amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
    currency text NOT NULL,
    paying_until timestamptz NOT NULL,
    -- When a worker may next ask the provider to void or refund.
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (order_id, n)
) WITH (fillfactor = 70);
CREATE INDEX payment_attempts_undone ON orders.payment_attempts (paying_until)
    WHERE state IN (0, 3, 5);

-- Work that outlives the process that ordered it. kind: settle_reservation.
CREATE TABLE orders.work_items (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    subject_id uuid NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    attempts int NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at timestamptz,
    UNIQUE (kind, subject_id)
);
CREATE INDEX work_items_undone ON orders.work_items (due_at) WHERE done_at IS NULL;

GRANT USAGE ON SCHEMA orders TO orders, auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA orders TO orders, auditor;
GRANT UPDATE (attempts, due_at, done_at) ON orders.work_items TO orders;
