-- One row: bars, symbols, first and last session held. Called by quality.report.
SELECT count(*) AS bars, count(DISTINCT symbol) AS symbols, min(date) AS first, max(date) AS last FROM market_data
