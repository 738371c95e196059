-- One row per symbol: its bars of some dates as arrays, all in one order, so that millions arrive in a few big values.
-- Parameters: symbols, first, last. Called by storage.held_bars.
SELECT symbol, array_agg(date) AS date, array_agg(open) AS open, array_agg(high) AS high, array_agg(low) AS low,
       array_agg(close) AS close, array_agg(volume) AS volume
FROM market_data
WHERE symbol = ANY(%(symbols)s) AND date BETWEEN %(first)s::date AND %(last)s::date
GROUP BY symbol
