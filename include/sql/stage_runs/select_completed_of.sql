-- Those of some sessions that a stage has completed. Parameters: stage, sessions. Called by plugins.stages.runs.
SELECT session_date, known_at
FROM stage_runs
WHERE stage = %(stage)s AND model = '' AND status = 'completed' AND session_date = ANY(%(sessions)s)
ORDER BY session_date
