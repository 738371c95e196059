-- Bars up to a session as believed at a cutoff, under the tickers of their day, in no order: sorting two million rows here takes ten times as
-- long as reading them. It is market_data_as_of written out, for a function's rows are gathered on disk first.
-- Parameters: session, cutoff, symbols (separated by commas, empty for all). Called by plugins.stages.knowledge.
SELECT symbol, date, open, high, low, close, volume::double precision AS volume
FROM market_data
WHERE (%(symbols)s = '' OR symbol = ANY(string_to_array(%(symbols)s, ',')))
    AND date <= %(session)s::date AND known_at <= %(cutoff)s::timestamptz
UNION ALL
SELECT symbol, date, open, high, low, close, volume::double precision
FROM market_data_history
WHERE (%(symbols)s = '' OR symbol = ANY(string_to_array(%(symbols)s, ',')))
    AND date <= %(session)s::date AND known_at <= %(cutoff)s::timestamptz AND superseded_at > %(cutoff)s::timestamptz
