-- Each strategy's daily net returns of a run, one row a trial. Parameter: run_id.
-- Called by plugins.backtest.ranking.
SELECT t.id AS trial_id, t.strategy, t.strategy_class, array_agg(a.date ORDER BY a.date) AS dates,
       array_agg(a.daily_return ORDER BY a.date) AS returns
FROM assessment_returns a
JOIN strategy_trials t ON t.id = a.trial_id
WHERE a.run_id = %(run_id)s
GROUP BY t.id
ORDER BY t.strategy, t.id
