-- The current version of a feature set. Parameter: set.
-- Called by plugins.replay.passes, plugins.stages.features, storage.training.
SELECT version, fingerprint FROM feature_sets WHERE feature_set = %(set)s ORDER BY version DESC LIMIT 1
