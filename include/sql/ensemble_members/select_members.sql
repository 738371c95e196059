-- Models with a vote. Called by plugins.stages.trading_rules.
SELECT model_name AS model, weight, by_confidence FROM ensemble_members ORDER BY model_name
