-- One row: whether this home's bars are made up from a seed. Called by plugins.rehearsal, plugins.web.around.
SELECT EXISTS (SELECT FROM ingestion_batches WHERE source = 'synthetic') AS is_synthetic
