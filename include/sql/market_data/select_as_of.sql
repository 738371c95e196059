-- Bars up to a session as they were believed at a cutoff, under the tickers of that session, by symbol and date.
-- Parameters: session, cutoff. Called by plugins.stages.knowledge.
SELECT CASE WHEN n.ticker IS NULL THEN m.symbol ELSE n.symbol END AS symbol, m.date, m.open, m.high, m.low, m.close,
       m.volume::double precision AS volume
FROM market_data_as_of(%(cutoff)s::timestamptz) m
LEFT JOIN renames_as_of(%(session)s::date, %(cutoff)s::timestamptz) n
    ON n.ticker = m.symbol AND m.date >= n.begins AND m.date < n.ends
WHERE m.date <= %(session)s::date AND (n.ticker IS NULL OR n.symbol IS NOT NULL)
ORDER BY 1, 2
