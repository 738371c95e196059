-- The version of each family a run begins with; a second try of the step changes nothing. Parameters: run_id, families.
-- Called by plugins.ml.serving.
INSERT INTO run_versions (run_id, family, model_version_id)
SELECT %(run_id)s, f.family, v.id
FROM unnest(%(families)s::text[]) AS f (family)
LEFT JOIN model_versions v ON v.family = f.family AND v.state = 'promoted'
ON CONFLICT (run_id, family) DO NOTHING
