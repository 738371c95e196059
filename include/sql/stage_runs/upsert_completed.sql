-- One row per session handed over; a session completed before stays as it is. Parameter: rows (JSON array).
-- Called by plugins.stages.runs.
INSERT INTO stage_runs (stage, model, session_date, status, known_at, run_id, rows_written, detail, began_at)
SELECT stage, model, session_date, 'completed', known_at, run_id, rows_written, detail, began_at
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    stage text, model text, session_date date, known_at timestamptz, run_id text, rows_written bigint, detail jsonb,
    began_at timestamptz)
ORDER BY session_date
ON CONFLICT (stage, model, session_date) DO UPDATE
SET status = 'completed', known_at = excluded.known_at, run_id = excluded.run_id, began_at = excluded.began_at,
    rows_written = excluded.rows_written, detail = excluded.detail, finished_at = clock_timestamp()
WHERE stage_runs.status <> 'completed'
