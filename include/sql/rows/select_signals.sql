-- What models wanted of a symbol at a session. Parameters: symbol, session. Called by plugins.web.pages.behind.
SELECT m.model_name, s.side, s.score, s.confidence, s.expected_return, s.position_size, s.stop_loss, s.take_profit, s.created_at
FROM signals s JOIN models m ON m.id = s.model_id
WHERE s.symbol = %(symbol)s AND s.session_date = %(session)s ORDER BY m.model_name
