-- One row per version in use and measure that has a threshold: its newest session's worst value, how far it may go, and
-- how many values are beyond. Called by plugins.web.api.metrics.
SELECT v.family AS model, v.version::text, d.measure,
       CASE d.measure WHEN 'mean_rank_ic' THEN min(d.value) ELSE max(d.value) END AS worst,
       count(*) FILTER (WHERE d.breached) AS breaches
FROM model_versions v
CROSS JOIN unnest(ARRAY['feature_psi', 'score_psi', 'mean_rank_ic']) AS m (measure)
CROSS JOIN LATERAL (SELECT max(session_date) AS session_date FROM model_drift n
                    WHERE n.model_version_id = v.id AND n.measure = m.measure) newest
JOIN model_drift d ON d.model_version_id = v.id AND d.session_date = newest.session_date AND d.measure = m.measure
WHERE v.state = 'promoted' GROUP BY v.family, v.version, d.measure ORDER BY v.family, d.measure
