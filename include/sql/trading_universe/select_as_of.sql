-- Members of each session as believed at its cutoff, one row per session. Parameters: sessions, cutoffs (same order).
-- Called by plugins.stages.knowledge.
SELECT s.session_date, array_agg(u.symbol ORDER BY u.symbol) AS symbols,
       array_agg(u.restricted ORDER BY u.symbol) AS restricted,
       array_agg(coalesce(u.sector, '') ORDER BY u.symbol) AS sectors
FROM unnest(%(sessions)s::date[], %(cutoffs)s::timestamptz[]) AS s (session_date, cutoff)
CROSS JOIN LATERAL universe_as_of(s.session_date, s.cutoff) u
GROUP BY s.session_date
