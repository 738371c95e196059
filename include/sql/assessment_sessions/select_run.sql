-- The sessions an assessment ran on, ascending. Parameter: run_id. Called by plugins.backtest.account.
SELECT date FROM assessment_sessions WHERE run_id = %(run_id)s ORDER BY date
