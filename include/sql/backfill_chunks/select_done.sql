-- Symbols whose bars of all these dates a backfill has brought. Parameters: source, start, end.
-- Called by plugins.stages.backfill.
SELECT DISTINCT unnest(symbols) AS symbol FROM backfill_chunks
WHERE source = %(source)s AND state = 'done' AND start_date <= %(start)s AND end_date >= %(end)s
