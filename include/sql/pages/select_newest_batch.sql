-- One row: how many batches there are and the newest; what is held changes with them. Called by plugins.web.pages.data.
SELECT count(*) AS batches, max(id) AS newest FROM ingestion_batches
