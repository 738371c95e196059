-- Changed actions, never known before the version they replace. One that a session may have decided on is known from
-- now on, another at the latest at the close before its ex-date: the session that is yet to decide has to know of it.
-- Parameters: rows (JSON), source, batch_id. Called by storage.bars.
UPDATE corporate_actions a
SET value = s.value, inferred = s.inferred, source = %(source)s, batch_id = %(batch_id)s,
    version = a.version + 1, recorded_at = now(),
    known_at = greatest(CASE WHEN s.decided THEN now() ELSE least(now(), s.latest) END, a.known_at)
FROM jsonb_to_recordset(%(rows)s::jsonb) AS s (
    symbol text, ex_date date, action_type text, value numeric, inferred boolean, latest timestamptz,
    decided boolean)
WHERE (a.symbol, a.ex_date, a.action_type) = (s.symbol, s.ex_date, s.action_type) AND a.value <> s.value
