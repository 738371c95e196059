-- The last bar before each ex-date, where there is one. Parameter: rows (JSON). Called by plugins.stages.fetching.
SELECT a.symbol, a.ex_date, e.date, e.close
FROM (SELECT DISTINCT symbol, ex_date
      FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (symbol text, ex_date date)) a
CROSS JOIN LATERAL (SELECT m.date, m.close FROM market_data m
                    WHERE m.symbol = a.symbol AND m.date < a.ex_date ORDER BY m.date DESC LIMIT 1) e
