-- A version's rank IC per session before a day, newest first. Parameters: version, before, count.
-- Called by plugins.stages.model_drift.
SELECT value FROM model_drift
WHERE model_version_id = %(version)s AND measure = 'rank_ic' AND session_date < %(before)s
ORDER BY session_date DESC LIMIT %(count)s
