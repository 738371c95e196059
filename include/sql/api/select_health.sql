-- One row per stage: its last completed session, when that was written, and the newest failure after it.
-- Parameter: stages.
-- Called by plugins.notify.telling, plugins.paper_run, plugins.web.api.metrics, plugins.web.api.status.
SELECT s.stage, done.session_date AS last_session, done.finished_at AS completed_at, failed.session_date AS failed_session,
       failed.error
FROM unnest(%(stages)s::text[]) WITH ORDINALITY AS s (stage, position)
LEFT JOIN LATERAL (
    SELECT session_date, finished_at FROM stage_runs r
    WHERE r.stage = s.stage AND r.model = '' AND r.status = 'completed' ORDER BY session_date DESC LIMIT 1
) done ON true
LEFT JOIN LATERAL (
    SELECT session_date, detail ->> 'error' AS error FROM stage_runs r
    WHERE r.stage = s.stage AND r.model = '' AND r.status = 'failed'
      AND r.session_date > coalesce(done.session_date, '-infinity') ORDER BY session_date DESC LIMIT 1
) failed ON true
ORDER BY s.position
