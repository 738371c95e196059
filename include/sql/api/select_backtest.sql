-- One backtest with its terms. Parameter: run_id. Called by plugins.web.api.backtests.
SELECT id, form, symbols, first_session, last_session, cash_usd, data_version, code_version, has_delisted, synthetic,
       recorded_at, parameters,
       ARRAY(SELECT DISTINCT coalesce(s ->> 'name', split_part(s ->> 'class', '.', -2))
             FROM jsonb_array_elements(parameters -> 'strategies') s ORDER BY 1) AS strategies
FROM backtest_runs WHERE id = %(run_id)s
