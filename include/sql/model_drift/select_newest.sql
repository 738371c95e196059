-- A version's newest values of each measure that has a threshold, the worst first.
-- Parameter: version. Called by plugins.stages.model_drift.
SELECT d.session_date, d.measure, d.subject, d.value, d.threshold, d.breached
FROM model_drift d
JOIN (SELECT measure, max(session_date) AS session_date FROM model_drift
      WHERE model_version_id = %(version)s GROUP BY measure) n USING (measure, session_date)
WHERE d.model_version_id = %(version)s AND d.measure <> 'rank_ic'
ORDER BY d.measure, abs(d.value - d.threshold) DESC NULLS LAST, d.subject
