-- What is stated otherwise now: known from now on. A flag nobody states stays. Parameter: rows (JSON).
-- Called by plugins.stages.universe.
UPDATE trading_universe u
SET active_to = r.active_to, renamed_to = r.renamed_to, name = r.name, sector = r.sector, source = r.source,
    restricted = coalesce(r.restricted, u.restricted), known_at = now()
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    symbol text, active_from date, active_to date, renamed_to text, name text, sector text, restricted boolean,
    source text)
WHERE (u.symbol, u.active_from) = (r.symbol, r.active_from)
  AND (u.active_to, u.renamed_to, u.name, u.sector, u.source, u.restricted)
      IS DISTINCT FROM (r.active_to, r.renamed_to, r.name, r.sector, r.source, coalesce(r.restricted, u.restricted))
