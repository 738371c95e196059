-- What may be removed when it is old, and nothing else: records of how things went, never of what was decided.
-- Prices, features, signals, decisions, orders, books, batches, quarantine and audit events are kept for ever.
CREATE FUNCTION remove_expired(before timestamptz, remove boolean)
RETURNS TABLE (table_name text, rule text, expired bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    r record;
BEGIN
    IF before IS NULL OR before > clock_timestamp() - interval '30 days' THEN
        RAISE EXCEPTION 'nothing younger than 30 days is removed' USING ERRCODE = 'check_violation';
    END IF;
    FOR r IN SELECT * FROM (VALUES
        ('data_quality_results', 'expectations of runs before the newest',
         'recorded_at < $1 AND run_id <> (SELECT q.run_id FROM data_quality_results q ORDER BY q.id DESC LIMIT 1)'),
        ('alerts', 'closed alerts', 'closed_at < $1'),
        ('order_hints', 'hints that were heeded', 'received_at < $1 AND heeded_at IS NOT NULL'),
        ('pending_predictions', 'handed over by a run that never published them',
         'run_id IN (SELECT v.run_id FROM run_versions v GROUP BY v.run_id HAVING max(v.recorded_at) < $1)'),
        ('pending_signals', 'handed over by a run that never published them',
         'run_id IN (SELECT v.run_id FROM run_versions v GROUP BY v.run_id HAVING max(v.recorded_at) < $1)'),
        ('pending_model_runs', 'handed over by a run that never published them',
         'run_id IN (SELECT v.run_id FROM run_versions v GROUP BY v.run_id HAVING max(v.recorded_at) < $1)')
    ) AS rules (name, said, condition) LOOP
        table_name := r.name;
        rule := r.said;
        IF remove THEN
            EXECUTE format('DELETE FROM %I WHERE %s', r.name, r.condition) USING before;
            GET DIAGNOSTICS expired = ROW_COUNT;
        ELSE
            EXECUTE format('SELECT count(*) FROM %I WHERE %s', r.name, r.condition) INTO expired USING before;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION remove_expired IS 'Counts, or removes, what is older than an instant and kept only for a while.';
REVOKE ALL ON FUNCTION remove_expired(timestamptz, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION remove_expired(timestamptz, boolean) TO quant_writer;
