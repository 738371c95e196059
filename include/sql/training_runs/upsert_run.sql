-- A training that begins; the same run_key is the same run, which a second try goes on with. One row comes back.
-- Parameters: run_key, family, parameters, folds, asked, seed, first_session, last_session, known_at, symbols,
-- rows_with_label, data_version, label_version, code_version, feature_set, feature_set_version, trial_id, started_by.
-- Called by storage.training.
INSERT INTO training_runs AS r (run_key, family, parameters, folds, asked, seed, first_session, last_session, known_at, symbols,
                                rows_with_label, data_version, label_version, code_version, feature_set,
                                feature_set_version, trial_id, started_by)
VALUES (%(run_key)s, %(family)s, %(parameters)s, %(folds)s, %(asked)s, %(seed)s, %(first_session)s, %(last_session)s, %(known_at)s,
        %(symbols)s, %(rows_with_label)s, %(data_version)s, %(label_version)s, %(code_version)s, %(feature_set)s,
        %(feature_set_version)s, %(trial_id)s, %(started_by)s)
ON CONFLICT (run_key) DO UPDATE SET error = NULL, finished_at = NULL
RETURNING r.*
