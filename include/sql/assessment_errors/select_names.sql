-- Strategies of a run that could not run. Parameter: run_id. Called by plugins.backtest.ranking.
SELECT strategy FROM assessment_errors WHERE run_id = %(run_id)s ORDER BY strategy
