-- The figures of every model on some sessions, those of its windows beside those since inception. Parameter: sessions.
-- Called by plugins.stages.reporting.
SELECT p.run_date, m.model_name, p.sessions, p.total_trades, p.open_trades, p.avg_return, p.win_rate, p.avg_win,
       p.avg_loss, p.prediction_accuracy, p.total_return, p.annual_return, p.volatility, p.sharpe_ratio, p.max_drawdown,
       p.profit_factor, p.benchmark_return, p.excess_return, p.alpha, p.beta, p.turnover, p.cost_drag, p.rank_ic_1,
       p.rank_ic_5, p.rank_ic_21, p.signal_decay,
       (SELECT jsonb_object_agg(w.window_sessions, jsonb_build_object(
                   'sessions', w.sessions, 'total_trades', w.total_trades, 'win_rate', w.win_rate,
                   'total_return', w.total_return, 'excess_return', w.excess_return, 'sharpe_ratio', w.sharpe_ratio,
                   'max_drawdown', w.max_drawdown, 'rank_ic_1', w.rank_ic_1))
        FROM model_performance_windows w WHERE w.model_id = p.model_id AND w.run_date = p.run_date) AS windows
FROM model_performance p JOIN models m ON m.id = p.model_id
WHERE p.run_date = ANY(%(sessions)s)
ORDER BY p.run_date, m.model_name
