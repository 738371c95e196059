-- Bars of a span as believed at a cutoff: one row a ticker of their day, each column its values one after the
-- other as sent in binary, bars in no order: two million rows take twice as long to send and read as to gather here,
-- and arrays half as long again, for one process turns them into bytes when all of them are gathered.
-- It is market_data_as_of written out, for a function's rows are gathered on disk first.
-- Parameters: first, session, cutoff, symbols (separated by commas, empty for all). Called by storage.histories.
SELECT symbol, string_agg(date_send(date), ''), string_agg(float8send(open), ''), string_agg(float8send(high), ''),
    string_agg(float8send(low), ''), string_agg(float8send(close), ''), string_agg(int8send(volume), '')
FROM (
    SELECT symbol, date, open, high, low, close, volume
    FROM market_data
    WHERE (%(symbols)s = '' OR symbol = ANY(string_to_array(%(symbols)s, ',')))
        AND date BETWEEN %(first)s AND %(session)s AND known_at <= %(cutoff)s
    UNION ALL
    SELECT symbol, date, open, high, low, close, volume
    FROM market_data_history
    WHERE (%(symbols)s = '' OR symbol = ANY(string_to_array(%(symbols)s, ',')))
        AND date BETWEEN %(first)s AND %(session)s AND known_at <= %(cutoff)s AND superseded_at > %(cutoff)s
) known
GROUP BY symbol
