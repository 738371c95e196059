-- Changed actions: known from now on, and never before the version they replace. Parameters: rows (JSON), source,
-- batch_id. Called by storage.bars.
UPDATE corporate_actions a
SET value = s.value, inferred = s.inferred, source = %(source)s, batch_id = %(batch_id)s,
    version = a.version + 1, known_at = greatest(now(), a.known_at), recorded_at = now()
FROM jsonb_to_recordset(%(rows)s::jsonb) AS s (
    symbol text, ex_date date, action_type text, value numeric, inferred boolean, known_at timestamptz)
WHERE (a.symbol, a.ex_date, a.action_type) = (s.symbol, s.ex_date, s.action_type) AND a.value <> s.value
