-- One row: a batch and its counts. Parameter: batch_id. Called by plugins.web.pages.behind.
SELECT * FROM ingestion_batches WHERE id = %(batch_id)s
