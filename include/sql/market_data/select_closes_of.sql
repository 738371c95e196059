-- The last close of some symbols up to a session. Parameters: symbols, session. Called by plugins.execution.opening.
SELECT DISTINCT ON (symbol) symbol, date, close FROM market_data
WHERE symbol = ANY(%(symbols)s) AND date <= %(session)s ORDER BY symbol, date DESC
