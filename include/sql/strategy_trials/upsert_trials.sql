-- Counts configurations as tried, each once however often it runs; one row per distinct configuration comes back. A
-- trial keeps its name, or gets that of the strategy itself: rankings look for buy_and_hold, whatever else it is called.
-- Parameters: rows (JSON: strategy, strategy_class, parameters), universe. Called by plugins.backtest.assessment_store, plugins.backtest.store, storage.training.
INSERT INTO strategy_trials AS t (strategy, strategy_class, parameters, universe)
SELECT DISTINCT r.strategy, r.strategy_class, r.parameters, %(universe)s
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (strategy text, strategy_class text, parameters jsonb)
ON CONFLICT (strategy_class, parameters, universe) DO UPDATE
    SET strategy = CASE excluded.strategy WHEN split_part(t.strategy_class, '.', -2) THEN excluded.strategy ELSE t.strategy END
RETURNING t.id, t.strategy_class, t.parameters
