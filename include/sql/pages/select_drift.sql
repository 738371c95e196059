-- Drift of a version, each measure at the newest session that has it (a rank IC comes sessions after what was seen), what
-- is beyond its threshold first. Parameters: id, count. Called by plugins.web.pages.models.
SELECT d.session_date, d.measure, d.subject, d.value, d.threshold, d.n,
       CASE WHEN d.breached THEN 'beyond' WHEN d.breached IS NULL THEN 'not judged' ELSE 'within' END AS verdict
FROM unnest(ARRAY['feature_psi', 'score_psi', 'rank_ic', 'mean_rank_ic']) AS m (measure)
CROSS JOIN LATERAL (SELECT max(session_date) AS session_date FROM model_drift n
                    WHERE n.model_version_id = %(id)s AND n.measure = m.measure) newest
JOIN model_drift d ON d.model_version_id = %(id)s AND d.session_date = newest.session_date AND d.measure = m.measure
ORDER BY d.breached DESC NULLS LAST, d.measure, d.value DESC NULLS LAST LIMIT %(count)s
