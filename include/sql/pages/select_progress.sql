-- One row per stage: how far it is and when it last wrote. Called by plugins.web.pages.overview.
SELECT stage, count(*) FILTER (WHERE status = 'completed') AS sessions,
       max(session_date) FILTER (WHERE status = 'completed') AS last_session,
       max(finished_at) FILTER (WHERE status = 'completed') AS finished_at,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE stale_reason IS NOT NULL) AS stale
FROM stage_runs WHERE model = '' GROUP BY stage
