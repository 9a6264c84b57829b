-- Webhooks that were taken or given up are nobody's business after a while; charges are the ledger
-- and stay.

-- Deletes up to p_limit that were closed more than p_kept_ms ago. Returns how many.
CREATE FUNCTION sandbox.webhooks_prune_v1(p_limit int, p_kept_ms bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    -- A variable, because a function's value can't be looked up in an index.
    v_before timestamptz := clock_timestamp() - p_kept_ms * interval '1 millisecond';
    v_count bigint;
BEGIN
    WITH old AS MATERIALIZED (
        SELECT w.event_id FROM sandbox.webhooks w
        WHERE (w.delivered_at IS NOT NULL OR w.abandoned_at IS NOT NULL)
            AND coalesce(w.delivered_at, w.abandoned_at) < v_before
        ORDER BY coalesce(w.delivered_at, w.abandoned_at) LIMIT p_limit FOR UPDATE SKIP LOCKED
    )
    DELETE FROM sandbox.webhooks w USING old WHERE w.event_id = old.event_id;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END $$;

REVOKE ALL ON FUNCTION sandbox.webhooks_prune_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sandbox.webhooks_prune_v1 TO payment;
ALTER FUNCTION sandbox.webhooks_prune_v1 SECURITY DEFINER;
ALTER FUNCTION sandbox.webhooks_prune_v1 SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION sandbox.webhooks_prune_v1 SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION sandbox.webhooks_prune_v1 SET enable_seqscan = off;
ALTER FUNCTION sandbox.webhooks_prune_v1 SET jit = off;
