-- What a model ran with on past sessions. Parameters: model_id, sessions. Called by plugins.stages.signals.
SELECT session_date, parameters, model_version_id FROM model_runs
WHERE model_id = %(model_id)s AND session_date = ANY(%(sessions)s)
ORDER BY session_date
