-- Runs, newest first: one row per run and stage. Parameters: run_id (NULL for all), count, skip.
-- Called by plugins.web.api.status.
SELECT run_id, stage, count(*) AS sessions, min(session_date) AS first_session, max(session_date) AS last_session,
       count(*) FILTER (WHERE status = 'failed') AS failed, sum(rows_written) AS rows_written, max(finished_at) AS finished_at
FROM stage_runs WHERE model = '' AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
GROUP BY run_id, stage ORDER BY max(finished_at) DESC, stage LIMIT %(count)s OFFSET %(skip)s
