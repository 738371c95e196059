-- Sessions of a stage that no longer rest on replaced data. Parameters: stage, sessions. Called by plugins.stages.runs.
UPDATE stage_runs SET stale_reason = NULL
WHERE stage = %(stage)s AND session_date = ANY(%(sessions)s) AND stale_reason IS NOT NULL
