-- How a stage stands at each session, newest first: all, those of a status, or those that are stale. Parameters: stage;
-- status (NULL for all; stale); count. Called by plugins.web.pages.behind.
SELECT session_date, status, known_at, rows_written, stale_reason, run_id, finished_at FROM stage_runs
WHERE stage = %(stage)s AND model = ''
  AND (%(status)s::text IS NULL OR status = %(status)s OR (%(status)s = 'stale' AND stale_reason IS NOT NULL))
ORDER BY session_date DESC LIMIT %(count)s
