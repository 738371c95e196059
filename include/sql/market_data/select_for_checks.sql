-- The bars of some sessions and, of each symbol among them, the last few before. Parameters: start, end, before.
-- Called by quality.findings.
SELECT symbol, date, open, high, low, close, volume::double precision AS volume
FROM market_data WHERE date BETWEEN %(start)s::date AND %(end)s::date
UNION ALL
SELECT b.*
FROM (SELECT DISTINCT symbol FROM market_data WHERE date BETWEEN %(start)s::date AND %(end)s::date) s,
     LATERAL (SELECT symbol, date, open, high, low, close, volume::double precision
              FROM market_data m WHERE m.symbol = s.symbol AND m.date < %(start)s::date
              ORDER BY m.date DESC LIMIT %(before)s) b
