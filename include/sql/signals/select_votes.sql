-- Scores and exits by session, model and symbol. Parameter: sessions. Called by plugins.stages.risk.
SELECT s.session_date, m.model_name, s.symbol, s.score, s.stop_loss, s.take_profit, s.trailing_stop_usd
FROM signals s JOIN models m ON m.id = s.model_id
WHERE s.session_date = ANY(%(sessions)s)
ORDER BY s.session_date, m.model_name, s.symbol
