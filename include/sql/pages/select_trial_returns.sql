-- One row per session: what a strategy's accounts of an assessment returned in the mean, after costs.
-- Parameters: run_id, trial_id. Called by plugins.web.pages.assessment.
SELECT date, daily_return, accounts FROM assessment_returns
WHERE run_id = %(run_id)s AND trial_id = %(trial_id)s ORDER BY date
