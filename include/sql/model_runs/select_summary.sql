-- One row per model: how much it has said so far. Called by plugins.stages.signals.
SELECT m.model_name, count(*) AS sessions, max(r.session_date) AS last_session, sum(r.signals_long) AS signals_long,
       sum(r.signals_short) AS signals_short, sum(r.signals_flat) AS signals_flat
FROM models m JOIN model_runs r ON r.model_id = m.id
GROUP BY m.model_name ORDER BY m.model_name
