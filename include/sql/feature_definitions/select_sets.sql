-- Where features of these names are: the current version of each set. Parameter: names. Called by plugins.stages.scoring.
SELECT DISTINCT ON (d.name) d.name, d.feature_set
FROM feature_definitions d
JOIN (SELECT feature_set, max(version) AS version FROM feature_sets GROUP BY feature_set) s
    ON (s.feature_set, s.version) = (d.feature_set, d.version)
WHERE d.name = ANY(%(names)s)
ORDER BY d.name, d.feature_set
