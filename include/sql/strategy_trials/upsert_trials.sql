-- Counts configurations as tried, each once however often it runs; one row per distinct configuration comes back.
-- Parameters: rows (JSON: strategy, strategy_class, parameters), universe. Called by plugins.backtest.assessment_store, plugins.backtest.store, storage.training.
INSERT INTO strategy_trials AS t (strategy, strategy_class, parameters, universe)
SELECT DISTINCT r.strategy, r.strategy_class, r.parameters, %(universe)s
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (strategy text, strategy_class text, parameters jsonb)
ON CONFLICT (strategy_class, parameters, universe) DO UPDATE SET strategy = excluded.strategy
RETURNING t.id, t.strategy_class, t.parameters
