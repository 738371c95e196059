-- Raw prices and volumes of some sessions as believed at a cutoff. Parameters: start, end, cutoff. Straight from the
-- tables: market_data_as_of makes all of history, also for one session, see select_window_as_of.
-- Called by plugins.stages.model_drift, plugins.stages.trading_history.
SELECT symbol, date, open, high, low, close, volume FROM market_data
WHERE date BETWEEN %(start)s::date AND %(end)s::date AND known_at <= %(cutoff)s::timestamptz
UNION ALL
SELECT symbol, date, open, high, low, close, volume FROM market_data_history
WHERE date BETWEEN %(start)s::date AND %(end)s::date AND known_at <= %(cutoff)s::timestamptz
    AND superseded_at > %(cutoff)s::timestamptz
ORDER BY date, symbol
