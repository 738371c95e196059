-- One row per stage, in the order given: how far it is and when it last wrote; one that never ran as well.
-- Parameter: stages. Called by plugins.web.pages.overview.
SELECT s.stage, count(*) FILTER (WHERE status = 'completed') AS sessions,
       max(session_date) FILTER (WHERE status = 'completed') AS last_session,
       max(finished_at) FILTER (WHERE status = 'completed') AS finished_at,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE stale_reason IS NOT NULL) AS stale
FROM unnest(%(stages)s::text[]) WITH ORDINALITY AS s (stage, position)
LEFT JOIN stage_runs r ON r.stage = s.stage AND r.model = ''
GROUP BY s.stage, s.position ORDER BY s.position
