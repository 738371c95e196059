-- What came of a backtest asked for: one row, none when nobody asked. A failed attempt that a retry mended is stored.
-- Parameter: run_id (Airflow's). Called by plugins.web.api.backtests.
SELECT %(run_id)s AS run_id, a.payload AS asked, (s.payload ->> 'id')::bigint AS id,
       CASE WHEN s.payload IS NULL THEN f.payload ->> 'error' END AS error,
       CASE WHEN s.payload IS NOT NULL THEN 'stored' WHEN f.payload IS NOT NULL THEN 'failed' ELSE 'waiting' END AS state
FROM audit_events a
LEFT JOIN audit_events s ON s.idempotency_key = 'backtest/' || %(run_id)s || '/stored'
LEFT JOIN audit_events f ON f.idempotency_key = 'backtest/' || %(run_id)s || '/failed'
WHERE a.idempotency_key = 'backtest/' || %(run_id)s || '/asked'
