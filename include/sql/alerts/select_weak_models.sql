-- Active models behind their benchmark in a quarter, or far below a peak of the year. Parameters: session, behind, fallen.
-- Called by plugins.stages.performance_alerts.
SELECT 'model_underperformance' AS kind, m.model_name AS subject, w.excess_return AS value, NULL AS why
FROM model_performance_windows w JOIN models m ON m.id = w.model_id
WHERE m.is_active AND w.run_date = %(session)s AND w.window_sessions = 63 AND w.sessions = 63
  AND w.excess_return < %(behind)s
UNION ALL
SELECT 'model_drawdown', m.model_name, w.max_drawdown, NULL
FROM model_performance_windows w JOIN models m ON m.id = w.model_id
WHERE m.is_active AND w.run_date = %(session)s AND w.window_sessions = 252 AND w.max_drawdown < %(fallen)s
ORDER BY kind, subject
