-- Signals decided at a session's close. Parameter: session. Called by plugins.web.pages.overview.
SELECT m.model_name, s.symbol, s.side, s.score, s.confidence, s.stop_loss, s.take_profit
FROM signals s JOIN models m ON m.id = s.model_id
WHERE s.session_date = %(session)s ORDER BY m.model_name, s.symbol
