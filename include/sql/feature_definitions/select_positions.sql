-- Where each feature of a set stands in feature_values.values, from 1. Parameters: set, version.
-- Called by plugins.web.generating.
SELECT name, position FROM feature_definitions WHERE feature_set = %(set)s AND version = %(version)s
