-- Versions that have predicted a session which is not measured yet, oldest first; in_use says that no other version of
-- the family has predicted a later one. Parameter: until. Called by plugins.stages.model_drift.
WITH used AS (
    SELECT DISTINCT r.model_version_id AS id, v.family, r.session_date
    FROM model_runs r JOIN model_versions v ON v.id = r.model_version_id
    WHERE r.session_date BETWEEN v.seen_until AND %(until)s
)
SELECT v.*, NOT EXISTS (
           SELECT FROM used o WHERE o.family = v.family AND o.id <> v.id
           AND o.session_date > (SELECT max(u.session_date) FROM used u WHERE u.id = v.id)) AS in_use
FROM model_versions v
WHERE EXISTS (
    SELECT FROM used u WHERE u.id = v.id AND 2 > (
        SELECT count(DISTINCT d.measure) FROM model_drift d
        WHERE d.model_version_id = u.id AND d.session_date = u.session_date AND d.measure IN ('score_psi', 'rank_ic')))
ORDER BY v.id
