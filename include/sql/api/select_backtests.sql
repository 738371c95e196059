-- Backtests, newest first, with their strategies' names. Parameters: form (NULL for all), count, skip.
-- Called by plugins.web.api.backtests.
SELECT id, form, symbols, first_session, last_session, cash_usd, data_version, code_version, has_delisted, synthetic,
       recorded_at,
       ARRAY(SELECT DISTINCT coalesce(s ->> 'name', split_part(s ->> 'class', '.', -2))
             FROM jsonb_array_elements(parameters -> 'strategies') s ORDER BY 1) AS strategies
FROM backtest_runs WHERE %(form)s::text IS NULL OR form = %(form)s
ORDER BY id DESC LIMIT %(count)s OFFSET %(skip)s
