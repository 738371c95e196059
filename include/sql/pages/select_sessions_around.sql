-- One row: the sessions ingested before and after one. Parameter: session. Called by plugins.web.pages.overview.
SELECT max(session_date) FILTER (WHERE session_date < %(session)s) AS before,
       min(session_date) FILTER (WHERE session_date > %(session)s) AS after
FROM stage_runs WHERE stage = 'data_ingestion' AND model = ''
