-- One training. Parameter: id. Called by storage.training.
SELECT r.*, v.id AS model_version_id FROM training_runs r LEFT JOIN model_versions v ON v.training_run_id = r.id
WHERE r.id = %(id)s
