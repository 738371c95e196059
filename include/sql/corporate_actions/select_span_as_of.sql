-- Splits and dividends going ex after a day, up to another, as they were believed at a cutoff. Parameters: after, until,
-- cutoff. Called by plugins.stages.trading_history.
SELECT symbol, ex_date, action_type, value::double precision AS value
FROM corporate_actions_as_of(%(cutoff)s::timestamptz)
WHERE ex_date > %(after)s::date AND ex_date <= %(until)s::date
ORDER BY symbol, ex_date, action_type
