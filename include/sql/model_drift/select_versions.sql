-- Versions that have predicted a session which is not measured yet, oldest first. Parameter: until.
-- Called by plugins.stages.model_drift.
SELECT v.*
FROM model_versions v
WHERE EXISTS (
    SELECT FROM model_runs r
    WHERE r.model_version_id = v.id AND r.session_date BETWEEN v.seen_until AND %(until)s AND 2 > (
        SELECT count(DISTINCT d.measure) FROM model_drift d
        WHERE d.model_version_id = v.id AND d.session_date = r.session_date AND d.measure IN ('score_psi', 'rank_ic')))
ORDER BY v.id
