-- Scores by session, model and symbol. Parameter: sessions. Called by plugins.stages.risk.
SELECT s.session_date, m.model_name, s.symbol, s.score
FROM signals s JOIN models m ON m.id = s.model_id
WHERE s.session_date = ANY(%(sessions)s)
ORDER BY s.session_date, m.model_name, s.symbol
