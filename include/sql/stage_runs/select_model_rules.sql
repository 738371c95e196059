-- What sessions of a model were measured by. Parameters: stage, model, sessions. Called by plugins.stages.measuring.
SELECT session_date, detail -> 'rules' AS rules FROM stage_runs
WHERE stage = %(stage)s AND model = %(model)s AND session_date = ANY(%(sessions)s) AND status = 'completed'
ORDER BY session_date
