-- One row per model and way it was measured: Sharpe ratio a year of returns that came after what was said. signals: of an
-- active model's signals over its last 252 sessions; walk_forward: of the version in use, over all its folds,
-- where a return is one of a holding period, of as many sessions as its horizon.
-- Called by plugins.web.api.metrics.
SELECT m.model_name AS model, 'signals' AS measured, p.sharpe_ratio AS sharpe
FROM models m CROSS JOIN LATERAL (
    SELECT sharpe_ratio FROM model_performance_windows w WHERE w.model_id = m.id AND w.window_sessions = 252
    ORDER BY w.run_date DESC LIMIT 1
) p
WHERE m.is_active
UNION ALL
SELECT v.family, 'walk_forward', sqrt(252 / coalesce((t.parameters ->> 'horizon')::int, 1)) * t.sharpe_per_session
FROM model_versions v JOIN training_runs t ON t.id = v.training_run_id WHERE v.state = 'promoted'
ORDER BY 1, 2
