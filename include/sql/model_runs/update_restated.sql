-- Runs computed anew get their figures from the signals as they are now; the old row is kept. Parameter: run_id.
-- Called by plugins.stages.signals.
WITH figures AS (
    SELECT p.model_id, p.session_date, p.model_version, p.parameters, p.symbols_scored, p.model_version_id, p.waiver,
           count(*) FILTER (WHERE s.side = 'long') AS signals_long,
           count(*) FILTER (WHERE s.side = 'short') AS signals_short,
           count(*) FILTER (WHERE s.side = 'flat') AS signals_flat,
           avg(s.confidence ORDER BY s.symbol) FILTER (WHERE s.side <> 'flat') AS mean_confidence
    FROM pending_model_runs p LEFT JOIN signals s USING (model_id, session_date)
    WHERE p.run_id = %(run_id)s
    GROUP BY p.model_id, p.session_date, p.model_version, p.parameters, p.symbols_scored, p.model_version_id, p.waiver
), changed AS (
    SELECT m.id, f.* FROM model_runs m JOIN figures f USING (model_id, session_date)
    WHERE (m.model_version, m.parameters, m.symbols_scored, m.signals_long, m.signals_short, m.signals_flat,
           m.mean_confidence, m.model_version_id, m.waiver)
          IS DISTINCT FROM (f.model_version, f.parameters, f.symbols_scored, f.signals_long, f.signals_short,
                            f.signals_flat, f.mean_confidence, f.model_version_id, f.waiver)
), kept AS (
    INSERT INTO model_runs_history (id, model_id, session_date, model_version, parameters, symbols_scored,
                                    signals_long, signals_short, signals_flat, mean_confidence, created_at, is_synthetic,
                                    model_version_id, waiver)
    SELECT m.id, m.model_id, m.session_date, m.model_version, m.parameters, m.symbols_scored,
           m.signals_long, m.signals_short, m.signals_flat, m.mean_confidence, m.created_at, m.is_synthetic,
           m.model_version_id, m.waiver
    FROM model_runs m JOIN changed USING (id)
)
UPDATE model_runs m
SET model_version = c.model_version, parameters = c.parameters, symbols_scored = c.symbols_scored,
    signals_long = c.signals_long, signals_short = c.signals_short, signals_flat = c.signals_flat,
    mean_confidence = c.mean_confidence, model_version_id = c.model_version_id, waiver = c.waiver
FROM changed c WHERE m.id = c.id
