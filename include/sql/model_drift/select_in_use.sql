-- Subjects whose drift somebody should look at, as alerts name them: of each family the version that predicted its newest
-- session, while a model it predicted for is not paused. Called by plugins.stages.model_drift.
SELECT family || ' version ' || version AS subject
FROM (
    SELECT v.family, v.version, bool_or(m.is_active) AS is_active,
           rank() OVER (PARTITION BY v.family ORDER BY max(r.session_date) DESC) AS place
    FROM model_versions v JOIN model_runs r ON r.model_version_id = v.id JOIN models m ON m.id = r.model_id
    WHERE r.session_date >= v.seen_until GROUP BY v.family, v.version
) used
WHERE place = 1 AND is_active
ORDER BY subject
