-- Predictions handed over in a run for the sessions still to publish; two models of one class foretell the same.
-- Parameter: run_id. Called by plugins.stages.predictions.
SELECT DISTINCT ON (p.model_version_id, p.session_date, p.symbol, p.horizon)
       p.model_version_id, p.session_date, p.symbol, p.horizon, p.q10, p.q50, p.q90, p.score, p.confidence, p.reason
FROM pending_predictions p
JOIN pending_model_runs USING (model_id, run_id, session_date)
WHERE p.run_id = %(run_id)s
ORDER BY p.model_version_id, p.session_date, p.symbol, p.horizon
