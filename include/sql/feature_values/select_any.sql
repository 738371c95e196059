-- A row when a version of a set is stored for a date. Parameters: set, version, date.
-- Called by plugins.stages.features.
SELECT 1 AS found FROM feature_values
WHERE date = %(date)s AND feature_set = %(set)s AND version = %(version)s LIMIT 1
