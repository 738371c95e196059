-- Bars of a span of sessions as believed at a cutoff, under the tickers of their day, in no order.
-- Parameters: first, session (the last one), cutoff. Called by plugins.stages.knowledge.
SELECT symbol, date, open, high, low, close, volume::double precision AS volume
FROM market_data
WHERE date BETWEEN %(first)s::date AND %(session)s::date AND known_at <= %(cutoff)s::timestamptz
UNION ALL
SELECT symbol, date, open, high, low, close, volume::double precision
FROM market_data_history
WHERE date BETWEEN %(first)s::date AND %(session)s::date AND known_at <= %(cutoff)s::timestamptz
    AND superseded_at > %(cutoff)s::timestamptz
