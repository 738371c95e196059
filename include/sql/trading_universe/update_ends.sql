-- Members that have left: known at the close of the session after, or from now on when that is decided already.
-- Parameters: rows (JSON), decided (last session completed, or NULL). Called by plugins.stages.universe.
UPDATE trading_universe u
SET active_to = r.active_to, renamed_to = r.renamed_to,
    known_at = CASE WHEN r.known_to_session <= %(decided)s::date THEN now() ELSE r.known_to END
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    symbol text, active_from date, active_to date, renamed_to text, known_to timestamptz, known_to_session date)
WHERE (u.symbol, u.active_from) = (r.symbol, r.active_from)
  AND u.active_to IS NULL AND r.active_to IS NOT NULL
