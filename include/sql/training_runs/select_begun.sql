-- Where the data of a training that has begun ends. Parameter: run_key. Called by storage.training.
SELECT last_session, known_at FROM training_runs WHERE run_key = %(run_key)s
