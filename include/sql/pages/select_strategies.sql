-- One row per model: what it is, its newest figures, and its rank and how many share it in the newest report.
-- Called by plugins.web.pages.strategies.
WITH told AS (
    SELECT entry ->> 'model_name' AS model_name, (entry ->> 'shared_by')::integer AS shared_by
    FROM jsonb_array_elements((SELECT report_data -> 'ranking' FROM performance_reports ORDER BY report_date DESC LIMIT 1)) entry
)
SELECT m.model_name, m.model_version, m.strategy_class, m.parameters, m.capital_usd, m.is_active, p.run_date, p.rank,
       t.shared_by, p.total_return, p.annual_return, p.benchmark_return, p.excess_return, p.sharpe_ratio, p.volatility,
       p.max_drawdown, p.beta, p.win_rate, p.total_trades, p.profit_factor, p.cost_drag
FROM models m LEFT JOIN LATERAL (
    SELECT * FROM model_performance p WHERE p.model_id = m.id ORDER BY p.run_date DESC LIMIT 1
) p ON true LEFT JOIN told t ON t.model_name = m.model_name
ORDER BY p.rank NULLS LAST, p.sharpe_ratio DESC NULLS LAST, m.model_name
