-- What an assessment could not try, and why. Parameter: run_id. Called by plugins.web.pages.assessment.
SELECT strategy, error FROM assessment_errors WHERE run_id = %(run_id)s ORDER BY strategy, error
