-- Intervals of membership that begin by a session, as believed at a cutoff; one that goes on ends with the session.
-- Parameters: cutoff, last. Called by plugins.ml.labels.
SELECT symbol, active_from AS begins, least(active_to, %(last)s::date) AS ends
FROM universe_known_at(%(cutoff)s)
WHERE active_from <= %(last)s::date
ORDER BY symbol, active_from
