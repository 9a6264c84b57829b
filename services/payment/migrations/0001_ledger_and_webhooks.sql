-- The sandbox provider becomes a room of its own. Its ledger exists where order's step 0003 made
-- it. Order's rights on it stay for one release: the order pods of the former version still write
-- here while this one is rolled out (state 'charged' at once, no method). The next release takes
-- them away.
CREATE TABLE IF NOT EXISTS sandbox.charges (
    provider_key text PRIMARY KEY,
    amount_cents bigint NOT NULL,
    currency text NOT NULL,
    state text NOT NULL CHECK (state IN ('charged', 'declined', 'voided', 'refunded')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

ALTER TABLE sandbox.charges DROP CONSTRAINT IF EXISTS charges_state_check;
-- pending -> charged | voided; charged -> refunded. The others are final.
ALTER TABLE sandbox.charges ADD CONSTRAINT charges_state_check
    CHECK (state IN ('pending', 'charged', 'declined', 'voided', 'refunded')) NOT VALID;
-- Not known of a void that came before its charge; method also not of charges made by order.
ALTER TABLE sandbox.charges
    ALTER COLUMN amount_cents DROP NOT NULL,
    ALTER COLUMN currency DROP NOT NULL,
    ADD COLUMN method text,
    ADD COLUMN settles_at timestamptz,
    ADD CONSTRAINT charges_pending_settles
        CHECK (state <> 'pending' OR settles_at IS NOT NULL) NOT VALID;

-- What order is still to be told, written in the transaction that decided it. An event is sent
-- until its receiver took it `copies_left` times, or refused it for good.
CREATE TABLE sandbox.webhooks (
    event_id uuid PRIMARY KEY,
    provider_key text NOT NULL,
    -- The verdict; null while the charge is pending.
    state text CHECK (state IN ('charged', 'declined')),
    copies_left smallint NOT NULL CHECK (copies_left >= 0),
    attempts int NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    delivered_at timestamptz,
    abandoned_at timestamptz
);
CREATE INDEX webhooks_due ON sandbox.webhooks (due_at)
    WHERE delivered_at IS NULL AND abandoned_at IS NULL;
CREATE INDEX webhooks_undecided ON sandbox.webhooks (provider_key) WHERE state IS NULL;

-- Enters charges, one row per request in its order. The first entry of a key decides, whoever made
-- it: what is there is answered, `entered` says whether this request did it. Keys are written in
-- their order, so that two calls never wait in a circle; the second statement sees what others
-- committed while the first one waited for them.
CREATE FUNCTION sandbox.charge_v1(
    p_keys text[], p_amounts bigint[], p_currencies text[], p_methods text[], p_states text[],
    p_settle_ms bigint[], p_events uuid[], p_copies int[], p_webhook_ms bigint[]
) RETURNS TABLE (entered boolean, state text, amount_cents bigint, currency text, method text,
                 created_at timestamptz, changed_at timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_places bigint[];
BEGIN
    WITH asked AS (
        SELECT DISTINCT ON (r.key) r.*
        FROM unnest(p_keys, p_amounts, p_currencies, p_methods, p_states, p_settle_ms, p_events,
                    p_copies, p_webhook_ms) WITH ORDINALITY
            AS r (key, amount, currency, method, state, settle_ms, event_id, copies, webhook_ms,
                  place)
        ORDER BY r.key, r.place
    ), made AS (
        INSERT INTO sandbox.charges AS c (
            provider_key, amount_cents, currency, method, state, settles_at, created_at, changed_at
        )
        SELECT a.key, a.amount, a.currency, a.method, a.state,
               CASE WHEN a.state = 'pending'
                    THEN v_now + a.settle_ms * interval '1 millisecond' END, v_now, v_now
        FROM asked a ORDER BY a.key
        ON CONFLICT (provider_key) DO NOTHING
        RETURNING c.provider_key
    ), told AS (
        INSERT INTO sandbox.webhooks (event_id, provider_key, state, copies_left, due_at)
        SELECT a.event_id, a.key, nullif(a.state, 'pending'), a.copies,
               v_now + a.webhook_ms * interval '1 millisecond'
        FROM made m JOIN asked a ON a.key = m.provider_key
        WHERE a.copies > 0
    )
    SELECT coalesce(array_agg(a.place), '{}') INTO v_places
    FROM made m JOIN asked a ON a.key = m.provider_key;

    RETURN QUERY
    SELECT r.place = ANY (v_places), c.state, c.amount_cents, c.currency, c.method, c.created_at,
           c.changed_at
    FROM unnest(p_keys) WITH ORDINALITY AS r (key, place)
    JOIN sandbox.charges c ON c.provider_key = r.key
    ORDER BY r.place;
END $$;

CREATE FUNCTION sandbox.charge_find_v1(p_key text)
RETURNS TABLE (state text, amount_cents bigint, currency text, method text,
               created_at timestamptz, changed_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT c.state, c.amount_cents, c.currency, c.method, c.created_at, c.changed_at
    FROM sandbox.charges c WHERE c.provider_key = p_key;
$$;

-- Final: a charge that is pending or not there yet will never be made, and nobody is told of one.
-- What was decided before stays; the answer says so.
CREATE FUNCTION sandbox.void_v1(p_key text)
RETURNS TABLE (state text, amount_cents bigint, currency text, method text,
               created_at timestamptz, changed_at timestamptz)
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sandbox.charges AS c (provider_key, state) VALUES (p_key, 'voided')
    ON CONFLICT (provider_key) DO UPDATE SET state = 'voided', changed_at = clock_timestamp()
    WHERE c.state = 'pending';
    UPDATE sandbox.webhooks w SET abandoned_at = clock_timestamp()
    WHERE w.provider_key = p_key AND w.state IS NULL AND w.abandoned_at IS NULL
        AND EXISTS (SELECT FROM sandbox.charges c
                    WHERE c.provider_key = p_key AND c.state = 'voided');
    RETURN QUERY SELECT * FROM sandbox.charge_find_v1(p_key);
END $$;

-- Only what is charged; the answer says what the charge is afterwards. No row: no such charge.
CREATE FUNCTION sandbox.refund_v1(p_key text)
RETURNS TABLE (state text, amount_cents bigint, currency text, method text,
               created_at timestamptz, changed_at timestamptz)
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sandbox.charges c SET state = 'refunded', changed_at = clock_timestamp()
    WHERE c.provider_key = p_key AND c.state = 'charged';
    RETURN QUERY SELECT * FROM sandbox.charge_find_v1(p_key);
END $$;

-- Decides pending charges whose time has come. Returns how many.
CREATE FUNCTION sandbox.settle_due_v1(p_limit int) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_count bigint;
BEGIN
    WITH due AS MATERIALIZED (
        SELECT c.provider_key FROM sandbox.charges c
        WHERE c.state = 'pending' AND c.settles_at <= clock_timestamp()
        ORDER BY c.settles_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ), settled AS (
        UPDATE sandbox.charges c SET state = 'charged', changed_at = clock_timestamp()
        FROM due d WHERE c.provider_key = d.provider_key
        RETURNING c.provider_key
    ), told AS (
        UPDATE sandbox.webhooks w SET state = 'charged', due_at = clock_timestamp()
        FROM settled s WHERE w.provider_key = s.provider_key AND w.state IS NULL
    )
    SELECT count(*) INTO v_count FROM settled;
    RETURN v_count;
END $$;

-- Events to be sent now, for p_claim_ms this caller's: one that dies leaves them to the others.
CREATE FUNCTION sandbox.webhooks_claim_v1(p_limit int, p_claim_ms bigint)
RETURNS TABLE (event_id uuid, provider_key text, state text, amount_cents bigint, currency text,
               attempts int, created_at timestamptz)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    UPDATE sandbox.webhooks w
    SET due_at = clock_timestamp() + p_claim_ms * interval '1 millisecond',
        attempts = w.attempts + 1
    FROM (
        SELECT d.event_id FROM sandbox.webhooks d
        WHERE d.delivered_at IS NULL AND d.abandoned_at IS NULL AND d.state IS NOT NULL
            AND d.due_at <= clock_timestamp()
        ORDER BY d.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ) due
    JOIN sandbox.webhooks k ON k.event_id = due.event_id
    JOIN sandbox.charges c ON c.provider_key = k.provider_key
    WHERE w.event_id = due.event_id
    RETURNING w.event_id, w.provider_key, w.state, c.amount_cents, c.currency, w.attempts,
              w.created_at;
END $$;

-- What became of deliveries: 0 taken, 1 try again in p_retry_ms, 2 give up.
CREATE FUNCTION sandbox.webhooks_close_v1(p_events uuid[], p_outcomes int[], p_retry_ms bigint[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    PERFORM 1 FROM sandbox.webhooks w
    WHERE w.event_id = ANY (p_events) ORDER BY w.event_id FOR UPDATE;
    UPDATE sandbox.webhooks w
    SET copies_left = CASE WHEN r.outcome = 0 THEN w.copies_left - 1 ELSE w.copies_left END,
        delivered_at = CASE WHEN r.outcome = 0 AND w.copies_left = 1 THEN v_now END,
        abandoned_at = CASE WHEN r.outcome = 2 THEN v_now END,
        attempts = CASE WHEN r.outcome = 0 AND w.copies_left > 1 THEN 0 ELSE w.attempts END,
        due_at = v_now + r.retry_ms * interval '1 millisecond'
    FROM unnest(p_events, p_outcomes, p_retry_ms) AS r (event_id, outcome, retry_ms)
    WHERE w.event_id = r.event_id AND w.delivered_at IS NULL AND w.abandoned_at IS NULL;
END $$;

GRANT USAGE ON SCHEMA sandbox TO payment, auditor;
GRANT SELECT ON sandbox.charges, sandbox.webhooks, sandbox.schema_migrations TO payment, auditor;

DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN
        SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'sandbox'::regnamespace
    LOOP
        -- The room's login reads tables and calls these: the ledger changes in no other way.
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO payment', f);
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER', f);
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, pg_temp', f);
        -- While the tables are small or their statistics stale, scans would look cheaper and lock
        -- more than they should.
        EXECUTE format('ALTER FUNCTION %s SET plan_cache_mode = force_generic_plan', f);
        EXECUTE format('ALTER FUNCTION %s SET enable_seqscan = off', f);
        EXECUTE format('ALTER FUNCTION %s SET jit = off', f);
    END LOOP;
END $$;
