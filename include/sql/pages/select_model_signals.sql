-- The newest signals of a model. Parameters: model, count. Called by plugins.web.pages.strategies.
SELECT s.session_date, s.symbol, s.side, s.score, s.confidence, s.stop_loss, s.take_profit, s.trailing_stop_usd
FROM signals s JOIN models m ON m.id = s.model_id
WHERE m.model_name = %(model)s ORDER BY s.session_date DESC, s.symbol LIMIT %(count)s
