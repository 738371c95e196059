-- One row per model: what it is, its newest figures and its place in the newest report. Called by plugins.web.pages.strategies.
SELECT m.model_name, m.model_version, m.strategy_class, m.parameters, m.capital_usd, m.is_active, p.run_date, p.rank,
       p.total_return, p.sharpe_ratio, p.volatility, p.max_drawdown, p.win_rate, p.total_trades, p.profit_factor
FROM models m LEFT JOIN LATERAL (
    SELECT * FROM model_performance p WHERE p.model_id = m.id ORDER BY p.run_date DESC LIMIT 1
) p ON true
ORDER BY p.rank NULLS LAST, m.model_name
