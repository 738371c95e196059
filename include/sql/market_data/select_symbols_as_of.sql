-- Bars of some symbols up to a session as they were believed at a cutoff, by symbol and date; through the key, where
-- market_data_as_of would read every bar. Parameters: session, cutoff, symbols (separated by commas).
-- Called by plugins.stages.knowledge.
SELECT symbol, date, open, high, low, close, volume::double precision AS volume
FROM market_data
WHERE symbol = ANY(string_to_array(%(symbols)s, ',')) AND date <= %(session)s::date
    AND known_at <= %(cutoff)s::timestamptz
UNION ALL
SELECT symbol, date, open, high, low, close, volume::double precision
FROM market_data_history
WHERE symbol = ANY(string_to_array(%(symbols)s, ',')) AND date <= %(session)s::date
    AND known_at <= %(cutoff)s::timestamptz AND superseded_at > %(cutoff)s::timestamptz
ORDER BY symbol, date
