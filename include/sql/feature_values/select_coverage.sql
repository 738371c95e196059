-- One row per date and current feature set: bars known at the session's cutoff, rows of features, and whether both are
-- of the same symbols. Symbols are compared by the sum of their 64-bit hashes: joining four million rows one by one
-- takes four times as long. Parameters: start, end. Called by plugins.stages.features.
WITH cutoffs AS MATERIALIZED (
    SELECT session_date AS date, known_at FROM stage_runs
    WHERE stage = 'data_ingestion' AND model = '' AND status = 'completed'
      AND session_date BETWEEN %(start)s AND %(end)s
), known AS (
    SELECT m.symbol, m.date FROM market_data m JOIN cutoffs c USING (date)
    WHERE m.known_at <= c.known_at AND m.date BETWEEN %(start)s AND %(end)s
    UNION ALL
    SELECT h.symbol, h.date FROM market_data_history h JOIN cutoffs c USING (date)
    WHERE h.known_at <= c.known_at AND h.superseded_at > c.known_at
), bars AS MATERIALIZED (
    SELECT date, count(*) AS bars, sum(hashtextextended(symbol, 0)) AS symbols FROM known GROUP BY date
), current_sets AS MATERIALIZED (
    SELECT feature_set, max(version) AS version FROM feature_sets GROUP BY feature_set
), features AS MATERIALIZED (
    SELECT v.date, v.feature_set, count(*) AS featured, sum(hashtextextended(v.symbol, 0)) AS symbols
    FROM feature_values v JOIN current_sets USING (feature_set, version)
    WHERE v.date BETWEEN %(start)s AND %(end)s
    GROUP BY v.date, v.feature_set
)
SELECT b.date, s.feature_set, s.version, b.bars, COALESCE(f.featured, 0) AS featured,
    COALESCE(f.featured = b.bars AND f.symbols = b.symbols, false) AS complete
FROM bars b
CROSS JOIN current_sets s
LEFT JOIN features f ON (f.date, f.feature_set) = (b.date, s.feature_set)
