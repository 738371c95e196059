-- The newest batches. Parameter: count. Called by plugins.web.pages.data.
SELECT * FROM ingestion_batches ORDER BY id DESC LIMIT %(count)s
