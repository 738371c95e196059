-- What a run handed over and has published. Parameter: run_id. Called by plugins.stages.signals.
DELETE FROM pending_signals WHERE run_id = %(run_id)s
