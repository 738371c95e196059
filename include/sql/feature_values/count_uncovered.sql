-- Bars of a session, known at its cutoff, without features of a set; asked of sessions that select_coverage finds
-- incomplete. Parameters: date, set, version. Called by plugins.stages.features.
WITH bars AS (
    SELECT m.symbol FROM market_data m, stage_runs r
    WHERE m.date = %(date)s AND m.known_at <= r.known_at
      AND (r.stage, r.model, r.session_date) = ('data_ingestion', '', %(date)s)
    UNION ALL
    SELECT h.symbol FROM market_data_history h, stage_runs r
    WHERE h.date = %(date)s AND h.known_at <= r.known_at AND h.superseded_at > r.known_at
      AND (r.stage, r.model, r.session_date) = ('data_ingestion', '', %(date)s)
)
SELECT count(*) AS uncovered FROM bars b
WHERE NOT EXISTS (
    SELECT FROM feature_values v
    WHERE (v.symbol, v.date, v.feature_set, v.version) = (b.symbol, %(date)s, %(set)s, %(version)s)
)
