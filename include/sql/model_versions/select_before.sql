-- The version that was in use before the one that is: what the last promotion of the version in use replaced, else the
-- newest other one that was ever retired. Parameter: family. Called by storage.registry.
SELECT v.* FROM model_versions v
JOIN model_versions p ON p.family = v.family AND p.state = 'promoted'
LEFT JOIN LATERAL (
    SELECT replaced_version_id FROM promotion_decisions
    WHERE model_version_id = p.id AND decision IN ('promoted', 'waived', 'rolled_back') ORDER BY id DESC LIMIT 1
) d ON true
WHERE v.family = %(family)s AND v.state = 'retired'
ORDER BY (v.id = d.replaced_version_id) IS TRUE DESC, v.updated_at DESC
LIMIT 1
