-- One row per active model: median confidence of its long and short signals in the newest session completed (NULL when
-- it has none), and the median of that figure over the sessions before. Parameter: sessions, how many are looked at.
-- Called by plugins.web.api.metrics.
WITH looked_at AS (
    SELECT session_date, row_number() OVER (ORDER BY session_date DESC) AS age FROM stage_runs
    WHERE stage = 'model_execution' AND model = '' AND status = 'completed' ORDER BY session_date DESC LIMIT %(sessions)s
), medians AS (
    SELECT s.model_id, l.age, percentile_cont(0.5) WITHIN GROUP (ORDER BY s.confidence) AS median
    FROM looked_at l JOIN signals s USING (session_date) WHERE s.side <> 'flat' GROUP BY s.model_id, l.age
)
SELECT m.model_name AS model, max(d.median) FILTER (WHERE d.age = 1) AS median,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY d.median) FILTER (WHERE d.age > 1) AS usual
FROM medians d JOIN models m ON m.id = d.model_id WHERE m.is_active GROUP BY m.model_name ORDER BY m.model_name
