-- One row: the session a stage could not complete. Parameters: stage, model, session_date, run_id, detail.
-- Called by plugins.stages.runs.
INSERT INTO stage_runs (stage, model, session_date, status, run_id, detail)
VALUES (%(stage)s, %(model)s, %(session_date)s, 'failed', %(run_id)s, %(detail)s::jsonb)
ON CONFLICT (stage, model, session_date) DO UPDATE
SET status = 'failed', run_id = excluded.run_id, detail = stage_runs.detail || excluded.detail, finished_at = clock_timestamp()
WHERE stage_runs.status <> 'completed'
