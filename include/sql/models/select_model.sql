-- One model. Parameter: id. Called by plugins.stages.signals.
SELECT id, model_name, model_version, strategy_class, parameters FROM models WHERE id = %(id)s
