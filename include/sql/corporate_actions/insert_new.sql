-- Actions not held yet; one that comes after the session before it was decided, of a symbol with bars from before
-- this run, is known from now on. Parameters: rows (JSON), source, batch_id, run_id. Called by storage.bars.
INSERT INTO corporate_actions (symbol, ex_date, action_type, value, inferred, source, batch_id, version, known_at)
SELECT s.symbol, s.ex_date, s.action_type, s.value, s.inferred, %(source)s, %(batch_id)s,
       1 + coalesce((SELECT max(h.version) FROM corporate_actions_history h WHERE (h.symbol, h.ex_date, h.action_type)
                     = (s.symbol, s.ex_date, s.action_type)), 0),
       CASE WHEN s.decided AND EXISTS (
           SELECT FROM market_data m WHERE m.symbol = s.symbol AND m.batch_id < coalesce((
               SELECT min(id) FROM ingestion_batches WHERE run_id = %(run_id)s), %(batch_id)s))
       THEN now() ELSE s.known_at END
FROM jsonb_to_recordset(%(rows)s::jsonb) AS s (
    symbol text, ex_date date, action_type text, value numeric, inferred boolean, known_at timestamptz,
    decided boolean)
ORDER BY s.ex_date, s.symbol, s.action_type
ON CONFLICT (symbol, ex_date, action_type) DO NOTHING
