-- Sessions that a version has predicted and a measure lacks, ascending. Parameters: version, measure, until.
-- Called by plugins.stages.model_drift.
SELECT DISTINCT r.session_date FROM model_runs r JOIN model_versions v ON v.id = r.model_version_id
WHERE v.id = %(version)s AND r.session_date BETWEEN v.seen_until AND %(until)s AND NOT EXISTS (
    SELECT FROM model_drift d
    WHERE d.model_version_id = r.model_version_id AND d.session_date = r.session_date AND d.measure = %(measure)s)
ORDER BY r.session_date
