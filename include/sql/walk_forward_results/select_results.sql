-- The folds of a training, in order of time. Parameters: run, configuration. Called by storage.training.
SELECT * FROM walk_forward_results
WHERE training_run_id = %(run)s AND configuration = %(configuration)s
ORDER BY fold
