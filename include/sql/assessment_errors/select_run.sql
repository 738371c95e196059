-- Which strategies could not run, and why. Parameter: run_id. Called by plugins.backtest.assessment_run.
SELECT strategy, error FROM assessment_errors WHERE run_id = %(run_id)s ORDER BY strategy
