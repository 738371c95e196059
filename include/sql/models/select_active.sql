-- Models that are not paused.
-- Called by plugins.stages.performance, plugins.stages.performance_alerts, plugins.stages.predictions, plugins.stages.signals.
SELECT id, model_name, model_version, strategy_class, parameters, capital_usd FROM models WHERE is_active ORDER BY id
