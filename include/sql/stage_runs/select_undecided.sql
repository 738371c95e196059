-- The first session from one on that risk_execution has begun and not completed. Parameter: since.
-- Called by plugins.stages.signals.
SELECT session_date FROM stage_runs
WHERE stage = 'risk_execution' AND model = '' AND status <> 'completed' AND detail ? 'rules'
  AND session_date >= %(since)s
ORDER BY session_date LIMIT 1
