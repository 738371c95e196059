-- One row per symbol held: first and last date of its bars. Parameter: symbols. Called by storage.held_bars.
SELECT s.symbol, b.first, b.last
FROM unnest(%(symbols)s::text[]) AS s (symbol)
CROSS JOIN LATERAL (SELECT min(date) AS first, max(date) AS last FROM market_data m WHERE m.symbol = s.symbol) b
WHERE b.first IS NOT NULL
