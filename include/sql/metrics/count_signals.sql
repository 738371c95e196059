-- One row per active model and side: signals of the newest session completed. Called by plugins.web.api.metrics.
WITH newest AS (
    SELECT max(session_date) AS session_date FROM stage_runs
    WHERE stage = 'model_execution' AND model = '' AND status = 'completed'
)
SELECT m.model_name AS model, k.side, count(s.id) AS signals
FROM models m CROSS JOIN unnest(ARRAY['flat', 'long', 'short']) AS k (side)
LEFT JOIN signals s ON s.model_id = m.id AND s.side = k.side AND s.session_date = (SELECT session_date FROM newest)
WHERE m.is_active GROUP BY m.model_name, k.side ORDER BY m.model_name, k.side
