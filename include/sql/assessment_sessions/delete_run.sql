-- What an earlier attempt of this run wrote. Parameter: run_id. Called by plugins.backtest.assessment_store.
DELETE FROM assessment_sessions WHERE run_id = %(run_id)s
