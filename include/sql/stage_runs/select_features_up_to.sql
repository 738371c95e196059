-- The last session up to a day whose features are complete, with its cutoff. Parameter: day.
-- Called by plugins.web.generating.
SELECT session_date, known_at FROM stage_runs
WHERE stage = 'feature_engineering' AND model = '' AND status = 'completed' AND session_date <= %(day)s
ORDER BY session_date DESC LIMIT 1
