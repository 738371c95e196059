-- Sessions of a run with the regime told at the close before. Parameter: run_id.
-- Called by plugins.backtest.ranking.
SELECT date, lag(regime) OVER (ORDER BY date) AS regime
FROM assessment_sessions
WHERE run_id = %(run_id)s
ORDER BY date
