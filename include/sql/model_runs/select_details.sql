-- Sessions a run handed over, by model, with the signals of each. Parameter: run_id. Called by plugins.stages.signals.
SELECT r.model_id AS id, r.session_date, r.signals_long + r.signals_short + r.signals_flat AS rows
FROM pending_model_runs p JOIN model_runs r USING (model_id, session_date)
WHERE p.run_id = %(run_id)s
