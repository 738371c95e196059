-- One row per strategy and scenario of an assessment: the median return of its symbols. Parameter: run_id.
-- Called by plugins.web.pages.assessment.
SELECT t.strategy, m.trial_id, m.scenario, m.total_return
FROM (SELECT trial_id, scenario, percentile_cont(0.5) WITHIN GROUP (ORDER BY total_return) AS total_return
      FROM backtest_results WHERE run_id = %(run_id)s GROUP BY trial_id, scenario) m
JOIN strategy_trials t ON t.id = m.trial_id ORDER BY t.strategy, m.trial_id, m.scenario
