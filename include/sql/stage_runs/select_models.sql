-- Models that have completed each session, and so have a vote. Parameter: sessions. Called by plugins.stages.risk.
SELECT session_date, model FROM stage_runs
WHERE stage = 'model_execution' AND model <> '' AND status = 'completed' AND session_date = ANY(%(sessions)s)
ORDER BY session_date, model
