-- The score of each symbol's last signal of a model before a session. Parameters: model_id, before.
-- Called by plugins.stages.predictions.
SELECT DISTINCT ON (symbol) symbol, score FROM signals
WHERE model_id = %(model_id)s AND session_date < %(before)s
ORDER BY symbol, session_date DESC
