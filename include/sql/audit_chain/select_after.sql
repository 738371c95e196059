-- The next events in the order of their commits. Parameters: position, most (rows). Called by storage.relay.
SELECT c.position, e.event_id, e.correlation_id, e.idempotency_key, e.event_type, e.session_date, e.symbol, e.ts,
       e.schema_version, e.source, e.run_id, e.is_synthetic, e.payload
FROM audit_chain c LEFT JOIN audit_events e USING (event_id)
WHERE c.position > %(position)s
ORDER BY c.position LIMIT %(most)s
