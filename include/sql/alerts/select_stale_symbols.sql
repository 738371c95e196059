-- Symbols of the universe whose newest bar is more than some sessions old, or that have been without any for as long.
-- Parameters: session, sessions. Called by plugins.stages.performance_alerts.
WITH recent AS (
    SELECT session_date FROM stage_runs
    WHERE stage = 'data_ingestion' AND model = '' AND status = 'completed' AND session_date <= %(session)s
    ORDER BY session_date DESC LIMIT %(sessions)s
), cutoff AS (
    SELECT known_at FROM stage_runs
    WHERE stage = 'data_ingestion' AND model = '' AND status = 'completed' AND session_date = %(session)s
), members AS (
    SELECT u.symbol, min(u.active_from) AS since
    FROM cutoff c CROSS JOIN LATERAL universe_as_of(%(session)s::date, c.known_at) u GROUP BY u.symbol
), last AS (
    SELECT u.symbol,
           coalesce((SELECT d.date FROM market_data d WHERE d.symbol = u.symbol AND d.date <= %(session)s::date
                     ORDER BY d.date DESC LIMIT 1), u.since) AS date
    FROM members u
)
SELECT 'stale_data' AS kind, l.symbol AS subject, NULL AS why,
       (SELECT count(*) FROM stage_runs r WHERE r.stage = 'data_ingestion' AND r.model = '' AND r.status = 'completed'
        AND r.session_date > l.date AND r.session_date <= %(session)s)::double precision AS value
FROM last l
WHERE l.date < (SELECT min(session_date) FROM recent) AND (SELECT count(*) FROM recent) = %(sessions)s
ORDER BY l.symbol
