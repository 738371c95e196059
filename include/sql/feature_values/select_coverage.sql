-- One row per date and current feature set: bars known at the session's cutoff, rows of features, and whether both are
-- of the same symbols. Symbols are compared by the sum of their 64-bit hashes: joining four million rows one by one
-- takes four times as long, and both sides are gathered before they meet anything else. Parameters: start, end. Called by plugins.stages.features.
WITH cutoffs AS MATERIALIZED (
    SELECT session_date AS date, known_at FROM stage_runs
    WHERE stage = 'data_ingestion' AND model = '' AND status = 'completed'
      AND session_date BETWEEN %(start)s AND %(end)s
), batches AS (
    SELECT date, known_at, count(*) AS bars, sum(hashtextextended(symbol, 0)) AS symbols
    FROM market_data WHERE date BETWEEN %(start)s AND %(end)s GROUP BY date, known_at
), known AS (
    SELECT b.date, b.bars, b.symbols FROM batches b JOIN cutoffs c USING (date) WHERE b.known_at <= c.known_at
    UNION ALL
    SELECT h.date, 1, hashtextextended(h.symbol, 0) FROM market_data_history h JOIN cutoffs c USING (date)
    WHERE h.known_at <= c.known_at AND h.superseded_at > c.known_at
), bars AS MATERIALIZED (
    SELECT date, sum(bars)::bigint AS bars, sum(symbols) AS symbols FROM known GROUP BY date
), current_sets AS MATERIALIZED (
    SELECT feature_set, max(version) AS version FROM feature_sets GROUP BY feature_set
), stored AS (
    SELECT date, feature_set, version, count(*) AS featured, sum(hashtextextended(symbol, 0)) AS symbols
    FROM feature_values WHERE date BETWEEN %(start)s AND %(end)s
    GROUP BY date, feature_set, version
), features AS MATERIALIZED (
    SELECT date, feature_set, featured, symbols FROM stored JOIN current_sets USING (feature_set, version)
)
SELECT b.date, s.feature_set, s.version, b.bars, COALESCE(f.featured, 0) AS featured,
    COALESCE(f.featured = b.bars AND f.symbols = b.symbols, false) AS complete
FROM bars b
CROSS JOIN current_sets s
LEFT JOIN features f ON (f.date, f.feature_set) = (b.date, s.feature_set)
