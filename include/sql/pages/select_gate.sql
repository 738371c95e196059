-- What the gate measured for the last decision about a version that it looked at. Parameter: id.
-- Called by plugins.web.pages.models.
SELECT name, value, threshold, CASE WHEN passed THEN 'passed' ELSE 'refused' END AS verdict, detail FROM promotion_checks
WHERE decision_id = (
    SELECT max(d.id) FROM promotion_decisions d
    WHERE d.model_version_id = %(id)s AND EXISTS (SELECT FROM promotion_checks c WHERE c.decision_id = d.id))
ORDER BY passed, name
