-- Sessions a run handed over, by model, with the signals of each and a hash of
-- the parameters. Parameter: run_id. Called by plugins.stages.signals.
SELECT r.model_id AS id, r.session_date, jsonb_build_object(
           'rows', r.signals_long + r.signals_short + r.signals_flat, 'parameters', md5(r.parameters::text)) AS detail
FROM pending_model_runs p JOIN model_runs r USING (model_id, session_date)
WHERE p.run_id = %(run_id)s
