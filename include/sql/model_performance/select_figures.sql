-- The figures of every model on some sessions. Parameter: sessions. Called by plugins.stages.performance.
SELECT p.run_date, m.model_name, p.total_trades, p.open_trades, p.avg_return, p.win_rate, p.avg_win, p.avg_loss,
       p.prediction_accuracy, p.total_return, p.volatility, p.sharpe_ratio, p.max_drawdown, p.profit_factor
FROM model_performance p JOIN models m ON m.id = p.model_id
WHERE p.run_date = ANY(%(sessions)s)
ORDER BY p.run_date, m.model_name
