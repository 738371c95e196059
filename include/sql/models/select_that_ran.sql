-- Models with a run at some sessions, as recorded, paused since or not. Parameters: first, last.
-- Called by plugins.replay.stages.
SELECT id, model_name, model_version, strategy_class, parameters, capital_usd,
       EXISTS (SELECT FROM public.model_runs r WHERE r.model_id = m.id AND r.model_version_id IS NOT NULL
               AND r.session_date BETWEEN %(first)s AND %(last)s) AS is_trained
FROM models m
WHERE EXISTS (SELECT FROM public.model_runs r WHERE r.model_id = m.id AND r.session_date BETWEEN %(first)s AND %(last)s)
ORDER BY id
