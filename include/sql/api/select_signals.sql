-- Signals by session and model, newest first. Parameters: session, model, symbol (NULL for all), count, skip.
-- Called by plugins.rehearsal, plugins.web.api.trading.
SELECT s.session_date, m.model_name, s.symbol, s.side, s.score, s.confidence, s.expected_return, s.position_size, s.stop_loss,
       s.take_profit, s.trailing_stop_usd, s.created_at
FROM signals s JOIN models m ON m.id = s.model_id
WHERE (%(session)s::date IS NULL OR s.session_date = %(session)s) AND (%(model)s::text IS NULL OR m.model_name = %(model)s)
  AND (%(symbol)s::text IS NULL OR s.symbol = %(symbol)s)
ORDER BY s.session_date DESC, m.model_name, s.symbol LIMIT %(count)s OFFSET %(skip)s
