-- Stored rows of some symbols. Parameters: date, set, version, symbols (separated by commas).
-- Called by plugins.stages.drift.
SELECT symbol, values FROM feature_values
WHERE date = %(date)s::date AND feature_set = %(set)s AND version = %(version)s::integer
    AND symbol = ANY(string_to_array(%(symbols)s, ','))
ORDER BY symbol
