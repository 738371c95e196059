-- The run of a key. Parameter: run_key. Called by plugins.backtest.assessment_store.
SELECT id FROM backtest_runs WHERE run_key = %(run_key)s
