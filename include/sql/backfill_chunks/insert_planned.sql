-- One row per chunk to do; one that is there stays as it is. Parameters: rows (JSON), source, start, end, run_id.
-- Called by plugins.stages.backfill.
INSERT INTO backfill_chunks (source, start_date, end_date, symbols_hash, symbols, state, run_id)
SELECT %(source)s, %(start)s, %(end)s, symbols_hash, symbols, 'planned', %(run_id)s
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (symbols_hash text, symbols text[])
ON CONFLICT (source, start_date, end_date, symbols_hash) DO NOTHING
