-- Splits and dividends going ex up to a day as they were believed at a cutoff, under the tickers of a session.
-- Parameters: until, session, cutoff. Called by plugins.stages.knowledge.
SELECT CASE WHEN n.ticker IS NULL THEN a.symbol ELSE n.symbol END AS symbol, a.ex_date, a.action_type,
       a.value::double precision AS value
FROM corporate_actions_as_of(%(cutoff)s::timestamptz) a
LEFT JOIN renames_as_of(%(session)s::date, %(cutoff)s::timestamptz) n
    ON n.ticker = a.symbol AND a.ex_date >= n.begins AND a.ex_date < n.ends
WHERE a.ex_date <= %(until)s::date AND (n.ticker IS NULL OR n.symbol IS NOT NULL)
ORDER BY 1, 2, 3
