-- One row per member; only what changed is written, and never restricted, which is the user's. Parameter: rows (JSON).
-- Called by plugins.stages.universe.
INSERT INTO trading_universe AS u (symbol, active_from, active_to, name, sector, source)
SELECT symbol, active_from, active_to, name, sector, source
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    symbol text, active_from date, active_to date, name text, sector text, source text)
ORDER BY symbol
ON CONFLICT (symbol, active_from) DO UPDATE
SET active_to = excluded.active_to, name = excluded.name, sector = excluded.sector, source = excluded.source,
    recorded_at = clock_timestamp()
WHERE (u.active_to, u.name, u.sector, u.source)
      IS DISTINCT FROM (excluded.active_to, excluded.name, excluded.sector, excluded.source)
