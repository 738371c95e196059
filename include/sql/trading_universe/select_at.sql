-- Symbols in the universe at a session. Parameter: session. Called by plugins.rehearsal.
SELECT DISTINCT symbol FROM trading_universe
WHERE active_from <= %(session)s AND (active_to IS NULL OR active_to >= %(session)s) ORDER BY symbol
