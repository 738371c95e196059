-- Scores and exits by session, model and symbol. Parameters: start, end. Called by plugins.stages.trading_history.
SELECT s.session_date, m.model_name, s.symbol, s.score, s.confidence, s.stop_loss, s.take_profit, s.trailing_stop_usd
FROM signals s JOIN models m ON m.id = s.model_id JOIN ensemble_members e ON e.model_name = m.model_name
WHERE s.session_date BETWEEN %(start)s::date AND %(end)s::date
