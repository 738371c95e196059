-- What was accepted always leaves a trail, batches are counted against what is stored, and histories run forward.

-- Whoever accepts, a command or a person in SQL: the event is written with the row, and says whose role it was.
CREATE FUNCTION audit_session_exception() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    key text := format('accept/%s/%s', NEW.session_date, NEW.symbol);
BEGIN
    INSERT INTO audit_events (event_id, correlation_id, idempotency_key, event_type, session_date, symbol, source,
                              payload)
    VALUES (md5(key)::uuid, key, key, 'quality.accepted', NEW.session_date, nullif(NEW.symbol, ''), 'accept',
            jsonb_build_object('reason', NEW.reason, 'symbol', NEW.symbol, 'accepted_by', NEW.accepted_by))
    ON CONFLICT (idempotency_key) DO NOTHING;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION audit_session_exception IS 'Trigger: writes the audit event quality.accepted for each exception.';
CREATE TRIGGER audit_session_exception AFTER INSERT ON session_exceptions
    FOR EACH ROW EXECUTE FUNCTION audit_session_exception();
-- Nobody accepts in another's name, or at another time.
REVOKE INSERT ON session_exceptions FROM quant_writer;
GRANT INSERT (session_date, symbol, reason) ON session_exceptions TO quant_writer;

-- Each row accepted is one version, current or superseded, that carries its batch's id.
CREATE OR REPLACE VIEW check_batches_complete AS
WITH versions AS (
    SELECT 'bars' AS kind, batch_id, count(*) AS held FROM market_data GROUP BY batch_id
    UNION ALL SELECT 'bars', batch_id, count(*) FROM market_data_history GROUP BY batch_id
    UNION ALL SELECT 'actions', batch_id, count(*) FROM corporate_actions GROUP BY batch_id
    UNION ALL SELECT 'actions', batch_id, count(*) FROM corporate_actions_history GROUP BY batch_id
), stored AS (
    SELECT kind, batch_id, sum(held)::bigint AS held FROM versions GROUP BY kind, batch_id
)
SELECT coalesce(b.id, s.batch_id) AS id, b.received, b.accepted, b.duplicates, b.quarantined,
       coalesce(s.held, 0) AS stored
FROM ingestion_batches b FULL JOIN stored s ON s.kind = b.kind AND s.batch_id = b.id
WHERE b.accepted IS DISTINCT FROM coalesce(s.held, 0);
COMMENT ON VIEW check_batches_complete IS 'Batches that state another number of rows accepted than there are versions of theirs; rows of no batch.';

-- A transaction that began earlier and wrote later could end a version before it began. Such an interval is empty, and
-- so is the one that takes its place: no as-of read changes.
UPDATE market_data_history SET superseded_at = known_at WHERE superseded_at < known_at;
UPDATE corporate_actions_history SET superseded_at = known_at WHERE superseded_at < known_at;
UPDATE trading_universe_history SET superseded_at = known_at WHERE superseded_at < known_at;
ALTER TABLE market_data_history ADD CHECK (superseded_at >= known_at AND superseded_at < '2200-01-01');
ALTER TABLE corporate_actions_history ADD CHECK (superseded_at >= known_at AND superseded_at < '2200-01-01');
ALTER TABLE trading_universe_history ADD CHECK (superseded_at >= known_at AND superseded_at < '2200-01-01');
