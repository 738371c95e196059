-- The id of a run that is held. Parameter: run_key. Called by plugins.backtest.assessment_store, plugins.backtest.store.
SELECT id FROM backtest_runs WHERE run_key = %(run_key)s
