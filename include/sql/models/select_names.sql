-- What people call models. No parameters. Called by plugins.replay.report.
SELECT id, model_name FROM models ORDER BY id
