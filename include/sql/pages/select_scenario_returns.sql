-- One row per strategy and scenario of an assessment: the median return of its symbols. Parameter: run_id.
-- Called by plugins.web.pages.assessment.
SELECT t.strategy, r.trial_id, r.scenario, percentile_cont(0.5) WITHIN GROUP (ORDER BY r.total_return) AS total_return
FROM backtest_results r JOIN strategy_trials t ON t.id = r.trial_id
WHERE r.run_id = %(run_id)s GROUP BY t.strategy, r.trial_id, r.scenario ORDER BY t.strategy, r.trial_id, r.scenario
