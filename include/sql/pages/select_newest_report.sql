-- One row: the newest report. Called by plugins.web.pages.strategies.
SELECT report_date, warnings, models_measured, best_model, worst_model, report_data -> 'confidence_sets' AS confidence_sets,
       report_data -> 'changes' AS changes, report_data -> 'benchmark' AS benchmark
FROM performance_reports ORDER BY report_date DESC LIMIT 1
