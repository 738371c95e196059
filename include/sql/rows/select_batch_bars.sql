-- Bars that came in a batch, those corrected since among them, newest first. Parameters: batch_id, count.
-- Called by plugins.web.pages.behind.
SELECT symbol, date, open, high, low, close, volume, version, known_at, superseded_at FROM (
    SELECT symbol, date, open, high, low, close, volume, version, known_at, NULL::timestamptz AS superseded_at
    FROM market_data WHERE batch_id = %(batch_id)s
    UNION ALL
    SELECT symbol, date, open, high, low, close, volume, version, known_at, superseded_at
    FROM market_data_history WHERE batch_id = %(batch_id)s
) b
ORDER BY date DESC, symbol, version DESC LIMIT %(count)s
