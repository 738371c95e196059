-- All sessions of a model, which is measured anew from its beginning. Parameter: model_id. Called by plugins.stages.measuring.
DELETE FROM model_sessions WHERE model_id = %(model_id)s
