-- Bars up to a session as believed at a cutoff: one row a ticker of their day, each column an array as array_send
-- writes it, bars in no order: two million rows take twice as long to send and read as to gather here.
-- It is market_data_as_of written out, for a function's rows are gathered on disk first.
-- Parameters: session, cutoff, symbols (separated by commas, empty for all). Called by storage.histories.
SELECT symbol, array_send(array_agg(date)), array_send(array_agg(open)), array_send(array_agg(high)),
    array_send(array_agg(low)), array_send(array_agg(close)), array_send(array_agg(volume))
FROM (
    SELECT symbol, date, open, high, low, close, volume
    FROM market_data
    WHERE (%(symbols)s = '' OR symbol = ANY(string_to_array(%(symbols)s, ',')))
        AND date <= %(session)s AND known_at <= %(cutoff)s
    UNION ALL
    SELECT symbol, date, open, high, low, close, volume
    FROM market_data_history
    WHERE (%(symbols)s = '' OR symbol = ANY(string_to_array(%(symbols)s, ',')))
        AND date <= %(session)s AND known_at <= %(cutoff)s AND superseded_at > %(cutoff)s
) known
GROUP BY symbol
