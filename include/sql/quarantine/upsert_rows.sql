-- Rows that cannot be true; one seen before only notes that it came again. Parameters: rows (JSON), batch_id.
-- Called by storage.bars.
INSERT INTO quarantine (row_hash, batch_id, last_batch_id, symbol, session_date, reason, raw)
SELECT row_hash, %(batch_id)s, %(batch_id)s, symbol, session_date, reason, raw
FROM (SELECT DISTINCT ON (row_hash) *
      FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
          row_hash text, symbol text, session_date date, reason text, raw jsonb)) r
ORDER BY session_date, symbol
ON CONFLICT (row_hash) DO UPDATE SET last_batch_id = excluded.last_batch_id
