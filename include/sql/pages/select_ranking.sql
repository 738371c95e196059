-- The ranking of an assessment in one scope; beats_benchmark is NULL where one of the two did not trade, so that
-- nothing was compared. Parameters: run_id, scope. Called by plugins.web.pages.assessment.
SELECT trial_id, rank, shared_by, strategy, sharpe_ratio, annual_return, max_drawdown, deflated_sharpe, in_best_set, trials,
       beats_benchmark
FROM strategy_rankings WHERE run_id = %(run_id)s AND scope = %(scope)s ORDER BY rank NULLS LAST, sharpe_ratio DESC NULLS LAST, strategy
