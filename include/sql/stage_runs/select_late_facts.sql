-- Instants at which bars or actions came to be known later than their own session's cutoff: the moments at which
-- the view of the past changed. Called by plugins.stages.knowledge.
SELECT DISTINCT f.known_at
FROM (
    SELECT date AS session_date, known_at FROM market_data
    UNION ALL SELECT date, known_at FROM market_data_history
    UNION ALL SELECT ex_date, known_at FROM corporate_actions
    UNION ALL SELECT ex_date, known_at FROM corporate_actions_history
) f
JOIN stage_runs r ON r.stage = 'data_ingestion' AND r.model = '' AND r.session_date = f.session_date
WHERE r.status = 'completed' AND f.known_at > r.known_at
ORDER BY f.known_at
