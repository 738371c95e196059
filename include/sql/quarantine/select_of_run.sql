-- Rows in quarantine that came with the batches of a kind that a run fetched last: those of one transaction share
-- their recorded_at. Parameters: run_id, kind. Called by plugins.stages.gate.
SELECT session_date, symbol, reason FROM quarantine
WHERE last_batch_id IN (
    SELECT id FROM ingestion_batches
    WHERE run_id = %(run_id)s AND kind = %(kind)s AND recorded_at = (
        SELECT recorded_at FROM ingestion_batches WHERE run_id = %(run_id)s AND kind = %(kind)s
        ORDER BY id DESC LIMIT 1))
ORDER BY session_date, symbol, reason
