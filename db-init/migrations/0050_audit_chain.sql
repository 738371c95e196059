-- The trail is chained: what was changed, taken out, put in or moved in it afterwards is found, and named.
-- Each event's link hashes the event and the link before it in its run; a run's first link hashes the newest link there
-- was, of any run, so that no run can be taken out either. Links are made when a transaction commits, one transaction
-- after the other, for all its events at once: whoever writes events never waits for another's stage step.

ALTER TABLE audit_events ADD COLUMN run_id text NOT NULL DEFAULT 'before the chain';
ALTER TABLE audit_events ALTER run_id
    SET DEFAULT coalesce(nullif(current_setting('almanac.run_id', true), ''), 'commands');
COMMENT ON COLUMN audit_events.run_id IS 'Run that wrote it, whose chain it is in; commands: what people did outside of runs';

CREATE TABLE audit_chain (
    position bigint PRIMARY KEY CHECK (position BETWEEN 1 AND 1000000000000000),
    run_id text NOT NULL,
    run_position bigint NOT NULL CHECK (run_position BETWEEN 1 AND position),
    event_id uuid NOT NULL,
    event_hash bytea NOT NULL CHECK (length(event_hash) = 32),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    UNIQUE (run_id, run_position)
);
COMMENT ON TABLE audit_chain IS 'One link per audit event, in the order of commits, without gaps; written by the database alone.';
COMMENT ON COLUMN audit_chain.position IS 'From 1, without gaps, over all runs';
COMMENT ON COLUMN audit_chain.run_id IS 'audit_events.run_id';
COMMENT ON COLUMN audit_chain.run_position IS 'From 1, without gaps, in the run';
COMMENT ON COLUMN audit_chain.event_id IS 'audit_events.event_id';
COMMENT ON COLUMN audit_chain.event_hash IS 'SHA-256 of the event as audit_event_hashes forms it';
COMMENT ON COLUMN audit_chain.hash IS 'SHA-256 of the hash before it and event_hash; before a run''s first stands that of the position before';

CREATE TABLE audit_pending (
    batch bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_ids uuid[] NOT NULL
);
COMMENT ON TABLE audit_pending IS 'Events of a transaction that has not committed yet; to everybody else it is empty.';
COMMENT ON COLUMN audit_pending.batch IS 'Surrogate key: one statement that wrote events';
COMMENT ON COLUMN audit_pending.event_ids IS 'Events it wrote, in order';

-- One form for the writer of links and for whoever verifies them; free of the session's time zone and date style.
CREATE VIEW audit_event_hashes AS
SELECT event_id, run_id, idempotency_key,
       sha256(convert_to(jsonb_build_array(event_id, correlation_id, idempotency_key, event_type, session_date, symbol,
           extract(epoch FROM ts), schema_version, source, payload, is_synthetic, run_id)::text, 'UTF8')) AS event_hash
FROM audit_events;
COMMENT ON VIEW audit_event_hashes IS 'Each audit event''s SHA-256, over all of its columns as a JSON array.';

CREATE FUNCTION audit_link(before bytea, first bytea, event_hash bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$ SELECT sha256(coalesce(before, first) || event_hash) $$;
COMMENT ON FUNCTION audit_link IS 'The next link''s hash; first stands before the first one.';
CREATE AGGREGATE audit_links(first bytea, event_hash bytea) (SFUNC = audit_link, STYPE = bytea);
COMMENT ON AGGREGATE audit_links(bytea, bytea) IS 'The hash of the last of some links in order; over a window, of each of them.';

CREATE FUNCTION append_audit_links(events uuid[]) RETURNS void
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
COMMENT ON FUNCTION append_audit_links IS 'Links events, in the order given, behind those of their runs; one transaction at a time.';
REVOKE ALL ON FUNCTION append_audit_links(uuid[]) FROM PUBLIC;

CREATE FUNCTION note_audit_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO audit_pending (event_ids)
    SELECT array_agg(event_id ORDER BY ts, idempotency_key) FROM added HAVING count(*) > 0;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION note_audit_events IS 'Trigger: remembers what a statement wrote until its transaction commits.';
REVOKE ALL ON FUNCTION note_audit_events() FROM PUBLIC;
CREATE TRIGGER audit_events_noted AFTER INSERT ON audit_events
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_audit_events();

CREATE FUNCTION chain_audit_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM append_audit_links(NEW.event_ids);
    DELETE FROM audit_pending WHERE batch = NEW.batch;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION chain_audit_events IS 'Trigger at the commit: links what the transaction wrote.';
REVOKE ALL ON FUNCTION chain_audit_events() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER audit_events_chained AFTER INSERT ON audit_pending
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chain_audit_events();

SELECT append_audit_links(array_agg(event_id ORDER BY ts, idempotency_key)) FROM audit_events;
