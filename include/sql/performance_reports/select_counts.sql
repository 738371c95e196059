-- Models in the report of each session. Parameter: sessions. Called by plugins.stages.performance.
SELECT report_date, models_measured FROM performance_reports WHERE report_date = ANY(%(sessions)s)
