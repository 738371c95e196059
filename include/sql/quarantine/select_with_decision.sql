-- Rows in quarantine with what was decided about each last. Parameter: id (NULL for all). Called by quality.decisions.
SELECT q.id, q.symbol, q.session_date, q.reason, q.raw, b.kind, b.source, b.end_date, d.decision,
       d.reason AS decision_reason
FROM quarantine q JOIN ingestion_batches b ON b.id = q.last_batch_id
LEFT JOIN LATERAL (SELECT decision, reason FROM quarantine_decisions x WHERE x.quarantine_id = q.id
                   ORDER BY x.id DESC LIMIT 1) d ON true
WHERE %(id)s::bigint IS NULL OR q.id = %(id)s
ORDER BY q.id
