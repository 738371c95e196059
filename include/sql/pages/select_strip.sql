-- One row per session: the status of each stage, newest last. Parameters: session, count.
-- Called by plugins.web.pages.overview.
SELECT session_date, states FROM (
    SELECT session_date, jsonb_object_agg(stage, CASE WHEN stale_reason IS NULL THEN status ELSE 'stale' END) AS states
    FROM stage_runs WHERE model = '' AND session_date <= %(session)s
    GROUP BY session_date ORDER BY session_date DESC LIMIT %(count)s
) newest ORDER BY session_date
