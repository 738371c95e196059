-- The version a training registered. Parameter: run. Called by storage.registry.
SELECT * FROM model_versions WHERE training_run_id = %(run)s
