-- Sessions whose report this version wrote, ascending. Parameter: sessions. Called by plugins.stages.performance.
SELECT report_date FROM performance_reports
WHERE report_date = ANY(%(sessions)s) AND report_data ? 'confidence_sets' ORDER BY report_date
