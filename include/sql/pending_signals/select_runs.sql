-- One row per model and session handed over in a run, with its counts. Parameter: run_id. Called by plugins.stages.signals.
SELECT p.model_id, p.session_date, p.model_version, p.parameters, p.symbols_scored, p.model_version_id, p.waiver,
       count(*) FILTER (WHERE s.side = 'long')::integer AS signals_long,
       count(*) FILTER (WHERE s.side = 'short')::integer AS signals_short,
       count(*) FILTER (WHERE s.side = 'flat')::integer AS signals_flat,
       avg(s.confidence ORDER BY s.symbol) FILTER (WHERE s.side <> 'flat') AS mean_confidence
FROM pending_model_runs p LEFT JOIN pending_signals s USING (model_id, run_id, session_date)
WHERE p.run_id = %(run_id)s
GROUP BY p.model_id, p.session_date, p.model_version, p.parameters, p.symbols_scored, p.model_version_id, p.waiver
