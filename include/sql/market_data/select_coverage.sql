-- One row: bars, symbols, first and last session held, and whether they are made up. Called by quality.report.
SELECT count(*) AS bars, count(DISTINCT symbol) AS symbols, min(date) AS first, max(date) AS last,
       EXISTS (SELECT FROM ingestion_batches WHERE source = 'synthetic') AS is_synthetic
FROM market_data
