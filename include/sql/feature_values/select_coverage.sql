-- One row per date and current feature set: bars known at the session's cutoff, and rows of features for them.
-- Parameters: start, end. Called by plugins.stages.features.
WITH cutoffs AS (
    SELECT session_date AS date, known_at FROM stage_runs
    WHERE stage = 'data_ingestion' AND model = '' AND status = 'completed'
      AND session_date BETWEEN %(start)s AND %(end)s
), bars AS (
    SELECT m.symbol, m.date FROM market_data m JOIN cutoffs c USING (date) WHERE m.known_at <= c.known_at
    UNION ALL
    SELECT h.symbol, h.date FROM market_data_history h JOIN cutoffs c USING (date)
    WHERE h.known_at <= c.known_at AND h.superseded_at > c.known_at
)
SELECT b.date, s.feature_set, count(*) AS bars, count(v.symbol) AS featured
FROM bars b
CROSS JOIN (SELECT feature_set, max(version) AS version FROM feature_sets GROUP BY feature_set) s
LEFT JOIN feature_values v
    ON (v.symbol, v.date, v.feature_set, v.version) = (b.symbol, b.date, s.feature_set, s.version)
GROUP BY b.date, s.feature_set
