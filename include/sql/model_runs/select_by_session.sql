-- Which models ran on each session, and their signals. Parameter: sessions. Called by plugins.stages.signals.
SELECT r.session_date, sum(r.signals_long + r.signals_short + r.signals_flat)::integer AS rows,
       array_agg(m.model_name ORDER BY m.model_name) AS models
FROM model_runs r JOIN models m ON m.id = r.model_id
WHERE r.session_date = ANY(%(sessions)s)
GROUP BY r.session_date
