-- Rows in quarantine, not decided on, that came with the newest fetch of a kind by a run. Parameters: run_id, kind.
-- Called by quality.facts.
SELECT q.session_date, q.symbol, q.reason
FROM quarantine q JOIN ingestion_batches b ON b.id = q.last_batch_id
WHERE b.run_id = %(run_id)s AND b.kind = %(kind)s
  AND b.recorded_at = (SELECT max(recorded_at) FROM ingestion_batches WHERE run_id = %(run_id)s AND kind = %(kind)s)
  AND NOT EXISTS (SELECT FROM quarantine_decisions d WHERE d.quarantine_id = q.id)
ORDER BY q.session_date, q.symbol, q.reason
