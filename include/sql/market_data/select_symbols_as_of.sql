-- Bars of some symbols up to a session as they were believed at a cutoff, under the tickers of that session, by symbol
-- and date; through the key, where market_data_as_of would read every bar.
-- Parameters: session, cutoff, symbols (separated by commas). Called by plugins.stages.knowledge.
WITH renamed AS MATERIALIZED (
    SELECT * FROM renames_as_of(%(session)s::date, %(cutoff)s::timestamptz)
), tickers AS (
    SELECT array_agg(ticker) AS all_of_them
    FROM (SELECT unnest(string_to_array(%(symbols)s, ',')) AS ticker
          UNION
          SELECT ticker FROM renamed WHERE symbol = ANY(string_to_array(%(symbols)s, ','))) t
), held AS (
    SELECT symbol, date, open, high, low, close, volume
    FROM market_data
    WHERE symbol = ANY((SELECT all_of_them FROM tickers)::text[]) AND date <= %(session)s::date
        AND known_at <= %(cutoff)s::timestamptz
    UNION ALL
    SELECT symbol, date, open, high, low, close, volume
    FROM market_data_history
    WHERE symbol = ANY((SELECT all_of_them FROM tickers)::text[]) AND date <= %(session)s::date
        AND known_at <= %(cutoff)s::timestamptz AND superseded_at > %(cutoff)s::timestamptz
), named AS (
    SELECT CASE WHEN n.ticker IS NULL THEN m.symbol ELSE n.symbol END AS symbol, m.date, m.open, m.high, m.low,
           m.close, m.volume::double precision AS volume
    FROM held m LEFT JOIN renamed n ON n.ticker = m.symbol AND m.date >= n.begins AND m.date < n.ends
)
SELECT * FROM named WHERE symbol = ANY(string_to_array(%(symbols)s, ','))
ORDER BY symbol, date
