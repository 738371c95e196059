-- Signals on the symbol at the decision's session. Parameters: symbol, session. Called by plugins.web.lineage.
SELECT m.model_name, r.model_version, s.side, s.score, s.confidence, s.stop_loss, s.take_profit, s.model_run_id
FROM signals s JOIN models m ON m.id = s.model_id JOIN model_runs r ON r.id = s.model_run_id
WHERE s.symbol = %(symbol)s AND s.session_date = %(session)s ORDER BY m.model_name
