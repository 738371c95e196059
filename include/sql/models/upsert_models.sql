-- One row per strategy found; parameters, capital_usd and is_active belong to the user and stay. Parameter: rows (JSON).
-- Called by plugins.stages.signals.
INSERT INTO models AS m (model_name, model_version, strategy_class, parameters)
SELECT model_name, model_version, strategy_class, parameters
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    model_name text, model_version text, strategy_class text, parameters jsonb)
ORDER BY model_name
ON CONFLICT (model_name) DO UPDATE
SET model_version = excluded.model_version, strategy_class = excluded.strategy_class
WHERE (m.model_version, m.strategy_class) IS DISTINCT FROM (excluded.model_version, excluded.strategy_class)
