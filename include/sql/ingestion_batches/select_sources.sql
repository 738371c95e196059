-- The sources that batches came from. Called by plugins.stages.ingestion, storage.vendors.
SELECT DISTINCT source FROM ingestion_batches ORDER BY source
