-- Models that handed sessions over in a run. Parameter: run_id. Called by plugins.stages.signals.
SELECT DISTINCT m.id, m.model_name FROM pending_model_runs p JOIN models m ON m.id = p.model_id
WHERE p.run_id = %(run_id)s ORDER BY m.id
