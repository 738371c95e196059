-- Returns of active models over the sessions up to one, at most so many. Parameters: last, count.
-- Called by plugins.stages.reporting.
WITH span AS (
    SELECT DISTINCT session_date FROM model_sessions WHERE session_date <= %(last)s ORDER BY session_date DESC LIMIT %(count)s
)
SELECT m.model_name, s.session_date, s.net_return
FROM model_sessions s JOIN models m ON m.id = s.model_id
WHERE m.is_active AND s.net_return IS NOT NULL AND s.session_date IN (SELECT session_date FROM span)
ORDER BY s.session_date, m.model_name
