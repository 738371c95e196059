-- Models that failed in a run. Parameters: stage, run_id. Called by plugins.stages.signals.
SELECT model, detail ->> 'error' AS error FROM stage_runs
WHERE stage = %(stage)s AND run_id = %(run_id)s AND model <> '' AND status = 'failed'
ORDER BY model
