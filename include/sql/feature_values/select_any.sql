-- A row when a version of a set is stored for one of the dates. Parameters: set, version, start, end.
-- Called by plugins.stages.features.
SELECT 1 AS found FROM feature_values
WHERE date BETWEEN %(start)s AND %(end)s AND feature_set = %(set)s AND version = %(version)s LIMIT 1
