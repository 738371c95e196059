-- A batch of any source but this one. Parameter: source. Called by plugins.stages.ingestion.
SELECT source FROM ingestion_batches WHERE source <> %(source)s LIMIT 1
