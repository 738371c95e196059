-- The sources that batches came from. Called by plugins.stages.ingestion.
SELECT DISTINCT source FROM ingestion_batches ORDER BY source
