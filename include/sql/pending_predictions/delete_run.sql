-- What a run handed over and has published. Parameter: run_id. Called by plugins.stages.predictions.
DELETE FROM pending_predictions WHERE run_id = %(run_id)s
