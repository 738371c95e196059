-- One row: what is stored of one account of an assessment, and where its scenario lies. Parameters: run_id, trial_id, symbol,
-- scenario. Called by plugins.backtest.account, plugins.web.pages.assessment.
SELECT r.sessions, r.total_return, r.sharpe_ratio, r.max_drawdown, r.trades, r.win_rate, r.cost_drag, r.exposure,
       a.kind, a.first_session, a.last_session, a.definition
FROM backtest_results r JOIN assessment_scenarios a ON a.run_id = r.run_id AND a.scenario = r.scenario
WHERE r.run_id = %(run_id)s AND r.trial_id = %(trial_id)s AND r.symbol = %(symbol)s AND r.scenario = %(scenario)s
