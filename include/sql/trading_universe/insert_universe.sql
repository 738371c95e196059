-- Members not held yet, without their end, which is a version of its own. One stated for sessions decided already is
-- known from now on. A flag nobody states is as it was set last, also when the symbol's interval begins elsewhere now.
-- Parameters: rows (JSON), decided (last session completed, or NULL).
-- Called by plugins.stages.universe.
INSERT INTO trading_universe (symbol, active_from, name, sector, restricted, source, version, known_at)
SELECT symbol, active_from, name, sector,
       coalesce(r.restricted,
                (SELECT v.restricted
                 FROM (SELECT symbol, active_from, restricted, recorded_at FROM trading_universe
                       UNION ALL
                       SELECT symbol, active_from, restricted, recorded_at FROM trading_universe_history) v
                 WHERE v.symbol = r.symbol ORDER BY v.recorded_at DESC, v.active_from DESC LIMIT 1),
                false),
       source,
       (SELECT coalesce(max(h.version), 0) + 1 FROM trading_universe_history h
        WHERE (h.symbol, h.active_from) = (r.symbol, r.active_from)),
       CASE WHEN r.active_from <= %(decided)s::date THEN now() ELSE r.known_from END
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    symbol text, active_from date, name text, sector text, restricted boolean, source text, known_from timestamptz)
WHERE NOT EXISTS (SELECT FROM trading_universe u WHERE (u.symbol, u.active_from) = (r.symbol, r.active_from))
ORDER BY symbol, active_from
