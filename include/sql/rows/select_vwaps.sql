-- What vendors called a symbol's volume-weighted average price of its last sessions. Parameters: symbol, session, days.
-- Called by plugins.web.pages.behind.
SELECT date, source, vwap, batch_id, known_at FROM session_vwaps
WHERE symbol = %(symbol)s AND date BETWEEN %(session)s::date - %(days)s::integer AND %(session)s::date
ORDER BY date DESC, source, batch_id DESC
