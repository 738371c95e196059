-- Models that are not paused. Called by plugins.stages.performance, plugins.stages.signals.
SELECT id, model_name, capital_usd FROM models WHERE is_active ORDER BY id
