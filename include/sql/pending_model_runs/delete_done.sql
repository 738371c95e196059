-- Sessions of a run that another run has completed for the model meanwhile. Parameters: stage, run_id.
-- Called by plugins.stages.signals.
DELETE FROM pending_model_runs p USING models m, stage_runs r
WHERE p.run_id = %(run_id)s AND m.id = p.model_id AND r.stage = %(stage)s AND r.model = m.model_name
  AND r.session_date = p.session_date AND r.status = 'completed'
