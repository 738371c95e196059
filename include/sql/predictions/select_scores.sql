-- A version's scores of some sessions. Parameters: version, start, end. Called by plugins.stages.model_drift.
SELECT DISTINCT ON (session_date, symbol) session_date, symbol, score
FROM predictions
WHERE model_version_id = %(version)s::bigint AND session_date BETWEEN %(start)s::date AND %(end)s::date
ORDER BY session_date, symbol, horizon
