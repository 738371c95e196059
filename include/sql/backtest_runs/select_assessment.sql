-- What an assessment is about, as settled by its first task. Parameter: run_id.
-- Called by plugins.backtest.assessment_store.
SELECT id, parameters, first_session, last_session, data_version, known_at
FROM backtest_runs WHERE id = %(run_id)s AND form = 'assessment'
