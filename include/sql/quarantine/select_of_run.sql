-- Rows in quarantine that came with the newest batch of a kind that a run fetched. Parameters: run_id, kind.
-- Called by plugins.stages.gate.
SELECT session_date, symbol, reason FROM quarantine
WHERE last_batch_id = (SELECT max(id) FROM ingestion_batches WHERE run_id = %(run_id)s AND kind = %(kind)s)
ORDER BY session_date, symbol, reason
