-- Drift of a version at the newest session it was measured, what is beyond its threshold first. Parameters: id, count.
-- Called by plugins.web.pages.models.
SELECT session_date, measure, subject, value, threshold, n, CASE WHEN breached THEN 'beyond' WHEN breached IS NULL THEN 'not judged'
       ELSE 'within' END AS verdict
FROM model_drift WHERE model_version_id = %(id)s AND session_date = (
    SELECT max(session_date) FROM model_drift WHERE model_version_id = %(id)s)
ORDER BY breached DESC NULLS LAST, measure, value DESC NULLS LAST LIMIT %(count)s
