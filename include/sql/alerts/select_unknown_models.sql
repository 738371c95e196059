-- Active models whose return less the benchmark's is not known over a quarter: whether they are behind cannot be said.
-- Parameter: session. Called by plugins.stages.performance_alerts.
SELECT 'model_underperformance' AS kind, m.model_name AS subject
FROM model_performance_windows w JOIN models m ON m.id = w.model_id
WHERE m.is_active AND w.run_date = %(session)s AND w.window_sessions = 63 AND w.excess_return IS NULL
ORDER BY m.model_name
