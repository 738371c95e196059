-- Corporate actions in quarantine that nobody released: symbol and date as received. Called by quality.report.
SELECT q.symbol, q.session_date
FROM quarantine q JOIN ingestion_batches b ON b.id = q.last_batch_id
WHERE b.kind = 'actions' AND q.session_date IS NOT NULL
ORDER BY q.symbol, q.session_date
