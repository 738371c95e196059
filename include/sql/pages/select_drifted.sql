-- One row per version that drift was measured of: its newest session and how many measures are beyond their thresholds.
-- Called by plugins.web.pages.models.
SELECT d.model_version_id, d.session_date, count(*) FILTER (WHERE d.breached) AS beyond, count(*) AS measures
FROM model_versions v CROSS JOIN LATERAL (
    SELECT max(session_date) AS session_date FROM model_drift WHERE model_version_id = v.id) newest
JOIN model_drift d ON d.model_version_id = v.id AND d.session_date = newest.session_date
GROUP BY d.model_version_id, d.session_date
