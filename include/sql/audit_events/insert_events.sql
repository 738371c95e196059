-- One row per event handed over; one already there is left alone. Parameter: rows (JSON array).
-- Called by storage.audit.
INSERT INTO audit_events (event_id, correlation_id, idempotency_key, event_type, session_date, symbol, schema_version,
                          source, payload)
SELECT event_id, correlation_id, idempotency_key, event_type, session_date, symbol, schema_version, source, payload
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    event_id uuid, correlation_id text, idempotency_key text, event_type text, session_date date, symbol text,
    schema_version integer, source text, payload jsonb)
ORDER BY session_date
ON CONFLICT (idempotency_key) DO NOTHING
