-- What sessions of a stage were, or are being, decided by. Parameters: stage, sessions. Called by plugins.stages.risk.
SELECT session_date, detail -> 'rules' AS rules FROM stage_runs
WHERE stage = %(stage)s AND model = '' AND session_date = ANY(%(sessions)s) AND detail ? 'rules'
