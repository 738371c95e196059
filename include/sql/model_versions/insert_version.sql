-- A candidate, with the next number of its family; the caller holds the family's lock. Parameters: family, run, metrics,
-- trained_from, trained_to, seen_until, format, path, sha256, metadata_sha256. Called by storage.registry.
INSERT INTO model_versions (family, version, training_run_id, parameters, metrics, feature_set, feature_set_version,
                            data_as_of, trained_from, trained_to, seen_until, code_version, artifact_format,
                            artifact_path, artifact_sha256, metadata_sha256, created_by)
SELECT r.family, 1 + coalesce((SELECT max(version) FROM model_versions WHERE family = r.family), 0), r.id, r.parameters,
       %(metrics)s, r.feature_set, r.feature_set_version, r.known_at, %(trained_from)s, %(trained_to)s, %(seen_until)s,
       r.code_version, %(format)s, %(path)s, %(sha256)s, %(metadata_sha256)s, r.started_by
FROM training_runs r
WHERE r.id = %(run)s AND r.family = %(family)s
ON CONFLICT (training_run_id) DO NOTHING
RETURNING id
