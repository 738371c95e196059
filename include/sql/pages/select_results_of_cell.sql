-- One row per symbol of a strategy in a scenario. Parameters: run_id, trial_id, scenario. Called by plugins.web.pages.assessment.
SELECT symbol, sessions, total_return, sharpe_ratio, max_drawdown, trades, win_rate, cost_drag, exposure
FROM backtest_results WHERE run_id = %(run_id)s AND trial_id = %(trial_id)s AND scenario = %(scenario)s ORDER BY symbol
