-- The last bars of a symbol up to a session, all versions, newest first; a version is replaced from superseded_at on.
-- Parameters: symbol, session, days. Called by plugins.web.pages.behind.
SELECT date, open, high, low, close, volume, version, source, batch_id, known_at, superseded_at FROM (
    SELECT date, open, high, low, close, volume, version, source, batch_id, known_at, NULL::timestamptz AS superseded_at
    FROM market_data WHERE symbol = %(symbol)s
    UNION ALL
    SELECT date, open, high, low, close, volume, version, source, batch_id, known_at, superseded_at
    FROM market_data_history WHERE symbol = %(symbol)s
) b
WHERE date BETWEEN %(session)s::date - %(days)s::integer AND %(session)s::date
ORDER BY date DESC, version DESC
