-- One row per version that drift was measured of, each measure at the newest session that has it: the newest of these
-- sessions, and how many values are beyond their thresholds. Called by plugins.web.pages.models.
SELECT d.model_version_id, max(d.session_date) AS session_date, count(*) FILTER (WHERE d.breached) AS beyond,
       count(*) AS measures
FROM model_versions v
CROSS JOIN unnest(ARRAY['feature_psi', 'score_psi', 'rank_ic', 'mean_rank_ic']) AS m (measure)
CROSS JOIN LATERAL (SELECT max(session_date) AS session_date FROM model_drift n
                    WHERE n.model_version_id = v.id AND n.measure = m.measure) newest
JOIN model_drift d ON d.model_version_id = v.id AND d.session_date = newest.session_date AND d.measure = m.measure
GROUP BY d.model_version_id
