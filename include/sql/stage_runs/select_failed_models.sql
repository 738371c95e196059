-- Models that failed or were blocked in a run. Parameters: stage, run_id. Called by plugins.stages.signals.
SELECT model, status, detail ->> 'error' AS error FROM stage_runs
WHERE stage = %(stage)s AND run_id = %(run_id)s AND model <> '' AND status IN ('failed', 'blocked')
ORDER BY model
