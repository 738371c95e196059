-- Bars up to a session as they were believed at a cutoff, under the tickers of their day, by symbol and date.
-- Parameters: session, cutoff. Called by plugins.stages.knowledge.
SELECT symbol, date, open, high, low, close, volume::double precision AS volume
FROM market_data_as_of(%(cutoff)s::timestamptz)
WHERE date <= %(session)s::date
ORDER BY symbol, date
