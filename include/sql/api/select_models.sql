-- Models. Parameter: model (NULL for all). Called by plugins.web.api.trading.
SELECT m.model_name, m.model_version, m.strategy_class, m.parameters, m.capital_usd, m.is_active, m.created_at,
       p.run_date, p.rank, p.total_return, p.sharpe_ratio, p.volatility, p.max_drawdown, p.win_rate, p.total_trades
FROM models m LEFT JOIN LATERAL (
    SELECT * FROM model_performance p WHERE p.model_id = m.id ORDER BY p.run_date DESC LIMIT 1
) p ON true
WHERE %(model)s::text IS NULL OR m.model_name = %(model)s ORDER BY m.model_name
