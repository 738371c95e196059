-- The ranking of an assessment, the newest when NULL; beats_benchmark is NULL where one of the two did not trade, so
-- that nothing was compared. Parameters: run_id, scope. Called by plugins.web.api.research.
SELECT run_id, scope, rank, shared_by, strategy, sessions, sharpe_ratio, annual_return, max_drawdown, probabilistic_sharpe,
       deflated_sharpe, in_best_set, trials, beats_benchmark
FROM strategy_rankings
WHERE run_id = coalesce(%(run_id)s::bigint, (SELECT max(run_id) FROM strategy_rankings)) AND scope = %(scope)s
ORDER BY rank NULLS LAST, strategy
