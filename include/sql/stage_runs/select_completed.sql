-- One row per completed session of a stage, or of a model in it. Parameters: stage, model.
-- Called by plugins.stages.runs, quality.decisions.
SELECT session_date, known_at
FROM stage_runs
WHERE stage = %(stage)s AND model = %(model)s AND status = 'completed'
ORDER BY session_date
