-- Models whose parameters at some sessions are not those recorded when they were completed; a restatement, which takes
-- other ones, moves a session's cutoff. Parameter: sessions. Called by plugins.replay.causes.
SELECT m.model_name, r.session_date, r.parameters
FROM model_runs r JOIN models m ON m.id = r.model_id
JOIN stage_runs s ON s.stage = 'model_execution' AND s.model = m.model_name AND s.session_date = r.session_date
JOIN stage_runs d ON d.stage = 'data_ingestion' AND d.model = '' AND d.session_date = r.session_date
WHERE r.session_date = ANY(%(sessions)s) AND s.known_at = d.known_at
    AND s.detail ->> 'parameters' <> md5(r.parameters::text)
ORDER BY r.session_date, m.model_name
