-- One row: the newest session a run of a DAG has worked on. Parameters: stage, run_id. Called by plugins.web.pages.links.
SELECT max(session_date) AS session_date FROM stage_runs WHERE stage = %(stage)s AND run_id = %(run_id)s
HAVING max(session_date) IS NOT NULL
