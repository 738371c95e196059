-- Intervals of stated symbols that nobody states any more; their last version goes to history. Parameter: rows (JSON).
-- Called by plugins.stages.universe.
DELETE FROM trading_universe u
WHERE u.symbol IN (SELECT r.symbol FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (symbol text))
  AND NOT EXISTS (SELECT FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (symbol text, active_from date)
                  WHERE (u.symbol, u.active_from) = (r.symbol, r.active_from))
