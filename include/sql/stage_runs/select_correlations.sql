-- Runs of data_ingestion that completed sessions, the newest session's first. Parameters: first, last, count.
-- Called by plugins.stages.tracing.
SELECT run_id FROM stage_runs
WHERE stage = 'data_ingestion' AND model = '' AND status = 'completed' AND session_date BETWEEN %(first)s AND %(last)s
GROUP BY run_id ORDER BY max(session_date) DESC LIMIT %(count)s
