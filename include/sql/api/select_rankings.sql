-- The ranking of an assessment, the newest when NULL; beats_benchmark is NULL where the benchmark did not trade, so that
-- nothing was compared with it. Parameters: run_id, scope. Called by plugins.web.api.research.
SELECT run_id, scope, rank, shared_by, strategy, sessions, sharpe_ratio, annual_return, max_drawdown, probabilistic_sharpe,
       deflated_sharpe, in_best_set, trials,
       CASE WHEN EXISTS (SELECT FROM strategy_rankings b WHERE b.run_id = r.run_id AND b.scope = 'overall'
                         AND b.strategy = 'buy_and_hold' AND b.rank IS NOT NULL) THEN beats_benchmark END AS beats_benchmark
FROM strategy_rankings r
WHERE run_id = coalesce(%(run_id)s::bigint, (SELECT max(run_id) FROM strategy_rankings)) AND scope = %(scope)s
ORDER BY rank NULLS LAST, strategy
