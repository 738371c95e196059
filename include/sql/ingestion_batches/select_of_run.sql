-- The newest batch of a run. Parameter: run_id. Called by quality.decisions.
SELECT max(id) AS id FROM ingestion_batches WHERE run_id = %(run_id)s
