-- Stored features of some symbols at a session, of those that belong to the universe as believed at its cutoff.
-- Parameters: set, version, session, known_at, symbols. Called by plugins.web.generating.
SELECT v.symbol, v.values FROM feature_values v
JOIN universe_as_of(%(session)s, %(known_at)s) u ON u.symbol = v.symbol
WHERE v.symbol = ANY(%(symbols)s) AND v.date = %(session)s AND v.feature_set = %(set)s AND v.version = %(version)s
ORDER BY v.symbol
