CREATE OR REPLACE FUNCTION append_audit_links(events uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    run text;
    last audit_chain;
    own audit_chain;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('audit_chain', 0));
    FOR run IN SELECT DISTINCT e.run_id FROM audit_events e WHERE e.event_id = ANY (events) ORDER BY e.run_id LOOP
        SELECT c.* INTO last FROM audit_chain c ORDER BY c.position DESC LIMIT 1;
        SELECT c.* INTO own FROM audit_chain c WHERE c.run_id = run ORDER BY c.run_position DESC LIMIT 1;
        INSERT INTO audit_chain (position, run_id, run_position, event_id, event_hash, hash)
        SELECT coalesce(last.position, 0) + e.n, run, coalesce(own.run_position, 0) + e.n, e.event_id, e.event_hash,
               audit_links(coalesce(own.hash, last.hash, ''), e.event_hash) OVER (ORDER BY e.n ROWS UNBOUNDED PRECEDING)
        FROM (
            SELECT h.event_id, h.event_hash, row_number() OVER (ORDER BY o.n) AS n
            FROM unnest(events) WITH ORDINALITY AS o (event_id, n) JOIN audit_event_hashes h USING (event_id)
            WHERE h.run_id = run
        ) e;
    END LOOP;
END
$$;
