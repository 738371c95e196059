-- A training that has begun, and where its data ends. Parameter: run_key. Called by storage.training.
SELECT id, family, last_session, known_at FROM training_runs WHERE run_key = %(run_key)s
