-- One row per session: a model's return since inception and its figures then. Parameter: model.
-- Called by plugins.web.pages.strategies.
SELECT p.run_date, p.total_return, p.sharpe_ratio, p.max_drawdown
FROM model_performance p JOIN models m ON m.id = p.model_id
WHERE m.model_name = %(model)s ORDER BY p.run_date
