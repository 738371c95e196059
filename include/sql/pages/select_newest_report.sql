-- One row: the newest report. Called by plugins.web.pages.strategies.
SELECT report_date, warnings, models_measured, best_model, worst_model FROM performance_reports
ORDER BY report_date DESC LIMIT 1
