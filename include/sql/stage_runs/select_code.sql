-- Which code decided sessions, where that was recorded. Parameter: sessions. Called by plugins.replay.causes.
SELECT DISTINCT detail ->> 'code' AS code FROM stage_runs
WHERE stage = 'risk_execution' AND model = '' AND session_date = ANY(%(sessions)s) AND detail ? 'code'
