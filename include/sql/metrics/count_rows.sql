-- One row per kind and source: what all batches together brought. Called by plugins.web.api.metrics.
SELECT kind, source, sum(received) AS received, sum(accepted) AS accepted, sum(duplicates) AS duplicates,
       sum(quarantined) AS quarantined
FROM ingestion_batches GROUP BY kind, source ORDER BY kind, source
