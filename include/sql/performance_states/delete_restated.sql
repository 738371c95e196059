-- Models whose past signals have changed are measured anew from their beginning. Parameter: models (ids).
-- Called by plugins.stages.signals.
DELETE FROM performance_states WHERE model_id = ANY(%(models)s)
