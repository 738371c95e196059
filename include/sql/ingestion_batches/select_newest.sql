-- The newest batch of a run. Parameter: run_id. Called by plugins.stages.ingestion.
SELECT id FROM ingestion_batches WHERE run_id = %(run_id)s ORDER BY id DESC LIMIT 1
