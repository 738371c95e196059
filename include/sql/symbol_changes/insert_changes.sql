-- Renames not held yet that join two tickers held here; one in force before the last session decided is known from now
-- on. Parameters: rows (JSON), decided (last session completed, or NULL), last (newest session).
-- Called by plugins.stages.universe.
INSERT INTO symbol_changes (old_symbol, new_symbol, effective, known_at, source)
SELECT r.old_symbol, r.new_symbol, r.effective,
       CASE WHEN r.effective <= %(decided)s::date THEN now() ELSE r.known_at END, r.source
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    old_symbol text, new_symbol text, effective date, known_at timestamptz, source text)
WHERE r.effective <= %(last)s::date
  AND EXISTS (SELECT FROM market_data m WHERE m.symbol = r.old_symbol AND m.date < r.effective)
  AND EXISTS (SELECT FROM market_data m WHERE m.symbol = r.new_symbol AND m.date >= r.effective)
ORDER BY r.effective, r.old_symbol
ON CONFLICT DO NOTHING
