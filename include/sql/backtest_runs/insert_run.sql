-- A new run; no row comes back when it is held already. Parameters, one a column: run_key, form, parameters, symbols,
-- first_session, last_session, cash_usd, data_version, known_at, code_version, has_delisted, synthetic.
-- Called by plugins.backtest.assessment_store, plugins.backtest.store.
INSERT INTO backtest_runs (run_key, form, parameters, symbols, first_session, last_session, cash_usd, data_version,
    known_at, code_version, has_delisted, synthetic)
VALUES (%(run_key)s, %(form)s, %(parameters)s::jsonb, %(symbols)s, %(first_session)s, %(last_session)s, %(cash_usd)s,
    %(data_version)s, %(known_at)s, %(code_version)s, %(has_delisted)s, %(synthetic)s)
ON CONFLICT (run_key) DO NOTHING
RETURNING id
