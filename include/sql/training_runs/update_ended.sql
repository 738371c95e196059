-- A training that has ended, with its error when it failed. Parameters: id, error. Called by storage.training.
UPDATE training_runs SET finished_at = clock_timestamp(), error = %(error)s WHERE id = %(id)s AND finished_at IS NULL
