-- Rows in quarantine that came with a batch. Parameter: batch_id. Called by plugins.stages.ingestion.
SELECT session_date, symbol, reason FROM quarantine WHERE last_batch_id = %(batch_id)s ORDER BY session_date, symbol
