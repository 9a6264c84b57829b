-- The catalogue and its stock. The roles `product` (the room's login) and `auditor` (read-only)
-- exist already; this runs as the owner of the schema.

CREATE TABLE product.products (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    description text NOT NULL,
    category text NOT NULL CHECK (length(category) BETWEEN 1 AND 64),
    price_cents bigint NOT NULL CHECK (price_cents >= 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    image text NOT NULL,
    archived boolean NOT NULL DEFAULT false,
    -- Units on hand, those set aside included.
    stock bigint NOT NULL,
    reserved bigint NOT NULL DEFAULT 0,
    -- Counts changes of the catalogue's texts and price, not movements of stock.
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by text NOT NULL,
    created_key text,
    created_request bytea,
    search tsvector GENERATED ALWAYS AS (
        to_tsvector('simple'::regconfig, name || ' ' || category || ' ' || description)
    ) STORED,
    CHECK (reserved BETWEEN 0 AND stock),
    UNIQUE (created_by, created_key)
) WITH (fillfactor = 70);

CREATE INDEX products_listed ON product.products (id) WHERE NOT archived;
CREATE INDEX products_by_category ON product.products (category, id) WHERE NOT archived;
CREATE INDEX products_search ON product.products USING gin (search);

-- open: units are set aside. settled: by a call, for good. released: expired by itself.
-- tombstone: settled before it was created; a late create finds it and sets nothing aside.
CREATE TABLE product.reservations (
    id uuid PRIMARY KEY,
    purpose text CHECK (purpose IN ('order', 'flash_sale')),
    state text NOT NULL CHECK (state IN ('open', 'settled', 'released', 'tombstone')),
    expires_in_ms bigint CHECK (expires_in_ms > 0),
    expires_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at timestamptz,
    created_by text NOT NULL,
    CHECK ((purpose IS NULL) = (state = 'tombstone')),
    CHECK ((closed_at IS NULL) = (state = 'open')),
    CHECK ((purpose = 'order') = (expires_at IS NOT NULL))
);

CREATE INDEX reservations_due ON product.reservations (expires_at)
    WHERE state = 'open' AND expires_at IS NOT NULL;

CREATE TABLE product.reservation_lines (
    reservation_id uuid NOT NULL REFERENCES product.reservations,
    product_id uuid NOT NULL REFERENCES product.products,
    quantity bigint NOT NULL CHECK (quantity > 0),
    sold bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (reservation_id, product_id),
    CHECK (sold BETWEEN 0 AND quantity)
);

CREATE TABLE product.returns (
    id uuid PRIMARY KEY,
    order_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by text NOT NULL
);

CREATE TABLE product.return_lines (
    return_id uuid NOT NULL REFERENCES product.returns,
    product_id uuid NOT NULL REFERENCES product.products,
    quantity bigint NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (return_id, product_id)
);

CREATE TABLE product.restocks (
    actor text NOT NULL,
    key text NOT NULL,
    product_id uuid NOT NULL REFERENCES product.products,
    quantity bigint NOT NULL CHECK (quantity <> 0),
    stock_after bigint NOT NULL,
    reserved_after bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (actor, key)
);

-- Every movement of every unit; rows are only added. For each product:
--   stock    = initial + restock + return - settle_sold
--   reserved = reserve - settle_sold - release - expire
CREATE TABLE product.stock_ledger (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id uuid NOT NULL,
    kind text NOT NULL CHECK (
        kind IN ('initial', 'restock', 'reserve', 'settle_sold', 'release', 'expire', 'return')
    ),
    quantity bigint NOT NULL CHECK (quantity > 0 OR (kind = 'restock' AND quantity < 0)),
    reservation_id uuid,
    return_id uuid,
    stock_after bigint NOT NULL,
    reserved_after bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL
);

CREATE INDEX stock_ledger_by_product ON product.stock_ledger (product_id, id);

GRANT USAGE ON SCHEMA product TO product, auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA product TO product, auditor;
GRANT INSERT, UPDATE ON product.products, product.reservations, product.reservation_lines
    TO product;
GRANT INSERT ON product.returns, product.return_lines, product.restocks, product.stock_ledger
    TO product;
