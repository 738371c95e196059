-- One row: the newest session any stage has completed. Called by plugins.web.pages.overview.
SELECT max(session_date) AS session_date FROM stage_runs WHERE status = 'completed' AND model = ''
HAVING max(session_date) IS NOT NULL
