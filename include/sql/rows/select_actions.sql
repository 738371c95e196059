-- Splits and dividends of a symbol around a session. Parameters: symbol, session, days. Called by plugins.web.pages.behind.
SELECT ex_date, action_type, value, inferred, source, batch_id, version, known_at FROM corporate_actions
WHERE symbol = %(symbol)s AND ex_date BETWEEN %(session)s::date - %(days)s::integer AND %(session)s::date + %(days)s::integer
ORDER BY ex_date DESC, action_type
