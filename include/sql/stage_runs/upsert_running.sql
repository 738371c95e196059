-- One row: a session some of whose steps are done, with what it is decided by. Parameters: stage, session_date, run_id, detail.
-- Called by plugins.stages.risk.
INSERT INTO stage_runs (stage, session_date, status, run_id, detail)
VALUES (%(stage)s, %(session_date)s, 'running', %(run_id)s, %(detail)s::jsonb)
ON CONFLICT (stage, model, session_date) DO UPDATE
SET status = 'running', run_id = excluded.run_id, detail = excluded.detail, finished_at = clock_timestamp()
WHERE stage_runs.status <> 'completed'
