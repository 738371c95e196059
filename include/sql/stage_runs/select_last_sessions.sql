-- The last sessions data_ingestion has completed, newest first. Parameter: count. Called by plugins.rehearsal.
SELECT session_date FROM stage_runs WHERE stage = 'data_ingestion' AND model = '' AND status = 'completed'
ORDER BY session_date DESC LIMIT %(count)s
