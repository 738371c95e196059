-- The accounts of a backtest with every measure. Parameters: run_id, count, skip. Called by plugins.web.api.backtests.
SELECT t.strategy, t.parameters, r.symbol, r.scenario, r.sessions, r.total_return, r.annual_return, r.volatility,
       r.sharpe_ratio, r.sortino_ratio, r.calmar_ratio, r.max_drawdown, r.drawdown_sessions, r.value_at_risk,
       r.conditional_value_at_risk, r.tail_ratio, r.beta, r.alpha, r.final_equity, r.trades, r.win_rate,
       r.profit_factor, r.avg_win, r.avg_loss, r.turnover, r.exposure, r.cost_drag, r.is_open
FROM backtest_results r JOIN strategy_trials t ON t.id = r.trial_id
WHERE r.run_id = %(run_id)s
ORDER BY r.trial_id, r.symbol, r.scenario LIMIT %(count)s OFFSET %(skip)s
