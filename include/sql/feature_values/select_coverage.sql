-- One row per date and current feature set: bars held and rows of features. Parameters: start, end.
-- Called by plugins.stages.features.
SELECT m.date, s.feature_set, count(*) AS bars, count(v.symbol) AS featured
FROM market_data m
CROSS JOIN (SELECT feature_set, max(version) AS version FROM feature_sets GROUP BY feature_set) s
LEFT JOIN feature_values v
    ON (v.symbol, v.date, v.feature_set, v.version) = (m.symbol, m.date, s.feature_set, s.version)
WHERE m.date BETWEEN %(start)s AND %(end)s
GROUP BY m.date, s.feature_set
