-- Members of each session as believed at its cutoff. Parameters: sessions, cutoffs (same order).
-- Called by plugins.stages.knowledge.
SELECT s.session_date, u.symbol, u.restricted, coalesce(u.sector, '') AS sector
FROM unnest(%(sessions)s::date[], %(cutoffs)s::timestamptz[]) AS s (session_date, cutoff)
CROSS JOIN LATERAL universe_as_of(s.session_date, s.cutoff) u
ORDER BY 1, 2
