-- Signals handed over in a run for the sessions still to publish, with the model run each belongs to. Parameter: run_id.
-- Called by plugins.stages.signals.
SELECT r.id AS model_run_id, p.model_id, p.symbol, p.session_date, p.side, p.score, p.confidence, p.expected_return,
       p.position_size, p.stop_loss, p.take_profit, p.trailing_stop_usd
FROM pending_signals p
JOIN pending_model_runs USING (model_id, run_id, session_date)
JOIN model_runs r USING (model_id, session_date)
WHERE p.run_id = %(run_id)s
