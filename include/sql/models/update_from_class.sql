-- Every row of a class, a user's own too: the version the class states, and the parameters the row does not name yet,
-- at their defaults; values that are set stay. Parameter: rows (JSON). Called by plugins.stages.signals.
UPDATE models AS m
SET model_version = r.model_version, parameters = r.parameters || m.parameters
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (model_version text, strategy_class text, parameters jsonb)
WHERE m.strategy_class = r.strategy_class
  AND (m.model_version, m.parameters) IS DISTINCT FROM (r.model_version, r.parameters || m.parameters)
