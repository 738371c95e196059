-- Sessions a model may not run for; what is completed stays. Parameters: stage, model, sessions, run_id, detail.
-- Called by plugins.stages.predictions.
INSERT INTO stage_runs (stage, model, session_date, status, run_id, detail)
SELECT %(stage)s, %(model)s, session, 'blocked', %(run_id)s, %(detail)s
FROM unnest(%(sessions)s::date[]) AS session
ON CONFLICT (stage, model, session_date) DO UPDATE
SET status = 'blocked', run_id = excluded.run_id, detail = excluded.detail, finished_at = clock_timestamp()
WHERE stage_runs.status <> 'completed'
