-- Raw prices and volumes of some sessions as believed at a cutoff. Parameters: start, end, cutoff.
-- Called by plugins.stages.model_drift, plugins.stages.risk.
SELECT symbol, date, open, high, low, close, volume FROM market_data_as_of(%(cutoff)s::timestamptz)
WHERE date BETWEEN %(start)s::date AND %(end)s::date
ORDER BY date, symbol
