-- Every configuration of an assessment that ran, once for ever; all of them with their ids. Parameter: rows (JSON).
-- Called by plugins.backtest.assessment_store.
INSERT INTO strategy_trials AS t (strategy, strategy_class, parameters, universe)
SELECT strategy, strategy_class, parameters, universe
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (strategy text, strategy_class text, parameters jsonb, universe text)
ON CONFLICT (strategy_class, parameters, universe) DO UPDATE SET strategy = excluded.strategy
RETURNING id, strategy
