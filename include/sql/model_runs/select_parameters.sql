-- What a model ran with on past sessions, as recorded: also for a replay, whose own runs lie in another schema.
-- Parameters: model_id, sessions. Called by plugins.stages.signals.
SELECT session_date, parameters, model_version_id FROM public.model_runs
WHERE model_id = %(model_id)s AND session_date = ANY(%(sessions)s)
ORDER BY session_date
