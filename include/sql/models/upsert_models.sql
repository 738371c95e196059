-- One row per strategy found; is_active is for new rows only, it and capital_usd belong to the user and stay.
-- Parameter: rows (JSON). Called by plugins.stages.signals.
INSERT INTO models AS m (model_name, model_version, strategy_class, parameters, is_active)
SELECT model_name, model_version, strategy_class, parameters, is_active
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    model_name text, model_version text, strategy_class text, parameters jsonb, is_active boolean)
ORDER BY model_name
ON CONFLICT (model_name) DO UPDATE
SET strategy_class = excluded.strategy_class
WHERE m.strategy_class IS DISTINCT FROM excluded.strategy_class
