-- Splits and dividends going ex up to a day as they were believed at a cutoff, under the tickers of their day.
-- Parameters: until, cutoff. Called by plugins.stages.knowledge.
SELECT symbol, ex_date, action_type, value::double precision AS value
FROM corporate_actions_as_of(%(cutoff)s::timestamptz)
WHERE ex_date <= %(until)s::date
ORDER BY symbol, ex_date, action_type
