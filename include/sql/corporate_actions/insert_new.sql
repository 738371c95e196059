-- Actions not held yet. Parameters: rows (JSON), source, batch_id. Called by storage.bars.
INSERT INTO corporate_actions (symbol, ex_date, action_type, value, inferred, source, batch_id, known_at)
SELECT s.symbol, s.ex_date, s.action_type, s.value, s.inferred, %(source)s, %(batch_id)s, s.known_at
FROM jsonb_to_recordset(%(rows)s::jsonb) AS s (
    symbol text, ex_date date, action_type text, value numeric, inferred boolean, known_at timestamptz)
ORDER BY s.ex_date, s.symbol, s.action_type
ON CONFLICT (symbol, ex_date, action_type) DO NOTHING
