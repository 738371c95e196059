-- One row: a model. Parameter: model. Called by plugins.web.pages.strategies.
SELECT id, model_name, model_version, strategy_class, parameters, capital_usd, is_active, created_at
FROM models WHERE model_name = %(model)s
