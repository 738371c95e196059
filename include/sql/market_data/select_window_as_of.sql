-- Closes and volumes of a span as believed at a cutoff, in no order, see select_as_of. Parameters: start, end, cutoff.
-- Called by plugins.stages.trading_history.
SELECT symbol, date, close, volume::double precision AS volume FROM market_data
WHERE date BETWEEN %(start)s::date AND %(end)s::date AND known_at <= %(cutoff)s::timestamptz
UNION ALL
SELECT symbol, date, close, volume::double precision FROM market_data_history
WHERE date BETWEEN %(start)s::date AND %(end)s::date AND known_at <= %(cutoff)s::timestamptz
    AND superseded_at > %(cutoff)s::timestamptz
