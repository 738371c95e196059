-- The version of a family a run began with; a row of NULLs when none was in use. Parameters: run_id, family.
-- Called by plugins.ml.serving.
SELECT v.* FROM run_versions r LEFT JOIN model_versions v ON v.id = r.model_version_id
WHERE r.run_id = %(run_id)s AND r.family = %(family)s
