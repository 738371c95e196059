-- Each model's place, as its session's report has it. Parameter: sessions. Called by plugins.stages.performance.
UPDATE model_performance p SET rank = (placed.entry ->> 'rank')::integer
FROM performance_reports r, jsonb_array_elements(r.report_data -> 'ranking') AS placed (entry), models m
WHERE r.report_date = ANY(%(sessions)s) AND m.model_name = placed.entry ->> 'model_name'
  AND p.model_id = m.id AND p.run_date = r.report_date
  AND p.rank IS DISTINCT FROM (placed.entry ->> 'rank')::integer
