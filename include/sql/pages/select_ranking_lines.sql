-- One row: what an assessment's ranking says. Parameter: run_id. Called by plugins.web.pages.assessment.
SELECT lines FROM ranking_reports WHERE run_id = %(run_id)s
